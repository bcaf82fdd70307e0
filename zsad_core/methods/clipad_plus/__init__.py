"""CLIP-AD's SDP+: the method, its training; its prompts are those of `clipad`."""

from zsad_core.methods.clipad_plus.method import ClipAdPlus

__all__ = ["ClipAdPlus"]
