"""From names to maps: engine, features, texts, cubes, the pipeline, and what is looked at."""
