"""Registry side of pooling: sites' MeasureReports -> one table -> estimates -> one report."""
