"""APRIL-GAN: the method, its training, prompts."""
