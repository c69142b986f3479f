"""Read models: one module each, with its table, its handler and its queries."""
