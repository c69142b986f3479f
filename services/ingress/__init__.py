"""Webhooks in: Kommo posts, and gets its 200 once what it said is durable (I1)."""
