"""Many subjects × many runs to rows: what to do, doing it, and what it will cost."""
