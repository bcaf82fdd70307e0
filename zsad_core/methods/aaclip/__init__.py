"""AA-CLIP: the method, its adapters, training, prompts."""
