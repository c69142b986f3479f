"""What Kommo sends and answers, as typed data: forms, webhooks, the REST API v4."""
