"""CLIP-AD's SDP: the method, its prompts."""
