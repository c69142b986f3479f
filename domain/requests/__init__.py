"""The life of a request, from its opening to assigned, waiting or closed."""
