"""The relay: what the event store holds, every reader of the allocations log hears."""
