"""Many subjects × many configurations to rows: what to do, doing it, and what it will cost."""
