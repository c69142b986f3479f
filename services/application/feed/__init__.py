"""What happened in an account, thinly, from any version on and as it happens (A8)."""
