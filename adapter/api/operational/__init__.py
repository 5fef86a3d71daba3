"""The server's own tables: reports, jobs, audit; their database and migrations."""
