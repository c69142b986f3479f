"""Being let into accounts by OAuth 2.0: where tokens come from, and how they stay fresh."""
