"""Who we are to a server: SMART Backend Services, fixed tokens, keys and secrets."""
