"""What follows a lead to its manager: contacts, company, tasks, other leads."""
