"""MVFA: the method, its adapters, training, prompts."""
