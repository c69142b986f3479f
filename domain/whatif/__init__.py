"""What would have been: the past of an account, lived through again under other rules."""
