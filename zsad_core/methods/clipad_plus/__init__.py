"""CLIP-AD's SDP+: the method, its training; its prompts are those of `clipad`."""
