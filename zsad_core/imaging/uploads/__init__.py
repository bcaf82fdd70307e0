"""A user's own files from a browser: checked, kept apart from those of others, removed."""
