"""Who gets the lead: the fair share and the other policies, judged participant by participant."""
