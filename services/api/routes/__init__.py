"""The routes, one module for a resource, each with a `router`."""
