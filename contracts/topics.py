"""The names of the logs; every message is keyed by its account id."""

INBOUND = "fairlead.inbound.v1"
ALLOCATIONS = "fairlead.allocations.v1"
