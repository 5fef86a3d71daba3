"""One migration a file; each is written by hand and never changed once released."""
