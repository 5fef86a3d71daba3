"""Who sent which report: signatures over exact bytes, registered keys, and chains of releases."""
