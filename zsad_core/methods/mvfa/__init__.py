"""MVFA: the method, its adapters, training, prompts."""

from zsad_core.methods.mvfa.method import Mvfa

__all__ = ["Mvfa"]
