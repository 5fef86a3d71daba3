"""Who asks, what they may, and what is on record about it."""
