"""MeasureReports: written, checked by our own rules, and made valid FHIR R4."""
