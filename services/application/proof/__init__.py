"""That no lead of a day was lost: from the log alone, and held against Kommo's own list."""
