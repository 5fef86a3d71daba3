"""All of Raiway that knows FHIR, HTTP, SQL and files."""
