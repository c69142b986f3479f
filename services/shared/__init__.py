"""What several roles share and no peer has a name for."""
