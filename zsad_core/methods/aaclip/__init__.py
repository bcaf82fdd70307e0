"""AA-CLIP: the method, its adapters, training, prompts."""

from zsad_core.methods.aaclip.method import AaClip

__all__ = ["AaClip"]
