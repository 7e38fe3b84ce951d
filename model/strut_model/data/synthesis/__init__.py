"""Motion that the data lack, made from real clips: stops, starts, turns in place, curves, idles and joined gestures.

Everything made here carries the tag `synthetic` (see `strut_model.data.pack`): it may train a model, it is never real
in a figure.
"""
