"""Whether an account's history is what it was: from the database, and from an exported file."""
