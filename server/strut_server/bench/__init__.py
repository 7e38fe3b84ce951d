"""Measures a live server over loopback, beside an echo server and the bare network in the same run."""
