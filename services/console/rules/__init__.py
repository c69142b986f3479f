"""The rules as forms: which field is of which kind, what it says, what was typed into it."""
