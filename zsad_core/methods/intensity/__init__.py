"""The brightness of a slice as its map."""
