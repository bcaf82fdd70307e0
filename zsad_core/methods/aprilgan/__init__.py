"""APRIL-GAN: the method, its training, prompts."""

from zsad_core.methods.aprilgan.method import AprilGan

__all__ = ["AprilGan"]
