"""MeasureReports that are kept: read, search, history, create, update, aggregate."""
