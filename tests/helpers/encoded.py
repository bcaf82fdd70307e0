"""Features of slices as they are stored, float32."""

from zsad_core.backbones.host_copy import HostCopy


def encoded(method, *given):
    """What a method's `encode` gives, on the host."""
    return HostCopy(method.encode(*given)).arrays()
