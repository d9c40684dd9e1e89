"""Volumes, stacks and headers, browsed."""
