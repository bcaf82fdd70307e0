"""AdaCLIP: the method, its prompts in both towers, score, training, texts."""
