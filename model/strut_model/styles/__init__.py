"""Styles by other means than clips: words, named dimensions, and what is stored already."""
