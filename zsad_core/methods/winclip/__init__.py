"""WinCLIP: the method, its prompts."""

from zsad_core.methods.winclip.method import WinClip

__all__ = ["WinClip"]
