"""A site's side of pooling: a report is signed, sent, and its receipt kept."""
