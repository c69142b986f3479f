"""Operating it: whether it lives, whether it is ready, and what it counts."""
