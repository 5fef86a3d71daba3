"""A network in a box: hospitals, registry and trustee as processes on one machine."""
