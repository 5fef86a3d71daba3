"""Pulling by FHIR search: what to ask, page by page, and what rows refer to."""
