"""Mutual 3D: the method."""

from zsad_core.methods.mutual3d.method import Mutual3d

__all__ = ["Mutual3d"]
