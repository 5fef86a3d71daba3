"""The operations that evaluate Measures, at once or as jobs."""
