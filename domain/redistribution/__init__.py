"""Repeated distribution: clocks, touches, the pass through the participants."""
