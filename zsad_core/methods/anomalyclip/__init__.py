"""AnomalyCLIP: the method, its training, prompts."""

from zsad_core.methods.anomalyclip.method import AnomalyClip

__all__ = ["AnomalyClip"]
