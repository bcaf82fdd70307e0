"""AdaCLIP: the method, its prompts in both towers, score, training, texts."""

from zsad_core.methods.adaclip.method import AdaClip

__all__ = ["AdaClip"]
