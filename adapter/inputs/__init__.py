"""What `ingest` and `coverage` are given, as files that the reader can open."""
