"""`python -m services.cli`: the same as `fairlead`."""

from services.cli.main import run

run()
