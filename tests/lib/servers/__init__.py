"""Real FHIR servers of other makers, started on loopback and filled with the synthetic cohort."""
