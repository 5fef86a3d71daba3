"""The FHIR facade: a thin skin over HTTP. No rule of FHIR, outcomes or disclosure lives here."""
