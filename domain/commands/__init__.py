"""What people order: rules, pauses, corrections, handovers, and the preview of them."""
