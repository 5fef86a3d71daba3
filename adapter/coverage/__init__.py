"""`raiway coverage`: what of the data that an outcome needs is mapped, and what is not."""
