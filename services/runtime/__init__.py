"""The composition root: which roles run where, with which settings, for how long."""
