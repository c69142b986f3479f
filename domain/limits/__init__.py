"""How many leads a manager may have: open ones, caps by period, overflow, the pace of a backlog."""
