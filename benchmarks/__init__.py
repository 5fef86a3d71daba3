"""Raiway and other ways to do the same work, measured side by side. Nothing here is shipped."""
