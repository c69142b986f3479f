"""What other rules would have done: asked of an account's own past, without touching it."""
