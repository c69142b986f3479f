"""What people do and ask where they already are: in Kommo's own pages."""
