"""The landing folder: runs, their state, watermarks, what may be written."""
