"""What is kept: the event store and what stands beside it in the same database."""
