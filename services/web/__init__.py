"""The common ground of the role `web`: API, console and widget stand on it.

Who asks, within which bounds, how a no is told, and what every answer carries. What is asked and
done is `services.application`.
"""
