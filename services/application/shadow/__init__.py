"""How fair another widget is, from what Kommo tells that it did."""
