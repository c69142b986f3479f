"""What is known of a lead: reports about it, and what a full list of Kommo corrects."""
