"""Pulling by Bulk Data export: kick-off, polling, manifest, files."""
