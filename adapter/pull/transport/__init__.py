"""HTTP with its guards: origins, caps, TLS, retries, and the client that the rest talks to."""
