"""The command line: `fairlead COMMAND`."""
