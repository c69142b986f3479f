"""The rules of distribution: pure functions and one aggregate, no I/O, clock or randomness."""
