"""Mutual 3D: the method."""
