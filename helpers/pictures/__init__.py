"""Slices and tables, drawn."""
