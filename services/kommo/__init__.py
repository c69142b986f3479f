"""The client of Kommo's REST API, and the one limiter all its calls go through."""
