"""Scenes: what a place is like, in physical quantities, and what it does to a gait."""
