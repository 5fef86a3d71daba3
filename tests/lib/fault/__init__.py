"""A FHIR server that misbehaves on purpose, for what no real server does on demand."""
