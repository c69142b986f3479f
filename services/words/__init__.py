"""The one catalogue of what people are told; command line, console and API speak from it."""
