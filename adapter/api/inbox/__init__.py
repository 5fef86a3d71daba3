"""The registry's inbox: signed reports are checked, put on record, and only then pooled."""
