"""HTTP as FHIR R4 wants it: content, errors, Bundles, the CapabilityStatement, definitions."""
