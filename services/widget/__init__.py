"""What the widget in Kommo's pages calls."""
