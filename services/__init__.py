"""Everything that talks to the world, a folder per role."""
