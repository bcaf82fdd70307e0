"""CLIP-AD's SDP: the method, its prompts."""

from zsad_core.methods.clipad.method import ClipAd

__all__ = ["ClipAd"]
