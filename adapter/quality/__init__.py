"""The quality gate: the rules of `mappings/quality/`, and what they say of a store."""
