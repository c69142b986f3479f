"""Kommo's own pages as a widget sees them: loader, screens and what they save, for a built zip."""
