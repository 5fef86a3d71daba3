"""The pure steps derive, add and estimate: no FHIR, HTTP, SQL or files here."""
