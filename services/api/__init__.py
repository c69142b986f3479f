"""The HTTP API: shapes of what `services.application` answers, and nothing that it does not check.

A route is a function in `routes/`, one module for a resource, with an entry in `table.py` that says
who may. How a no is told, and what every answer carries, is `services.web`.
"""
