"""AnomalyCLIP: the method, its training, prompts."""
