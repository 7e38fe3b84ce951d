"""Restyling: a clip comes back with its content, path, timing and contacts in another style."""
