"""Writes the checked-in JSON schemas anew from the contracts: `make schemas`."""

from pathlib import Path

from services.rules_file import json_schema

RULES = Path(__file__).parents[1] / "contracts" / "schemas" / "rules.schema.json"


def main() -> None:
    """Write every schema."""
    RULES.write_text(json_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
