"""Training: the learned part of a method on stored tokens, and the demo CLIP itself."""
