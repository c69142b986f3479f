"""Drives Kommo to the decided state, and reads what webhooks did not tell."""
