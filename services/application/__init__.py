"""What people do and ask: one function a use case, whoever calls it."""
