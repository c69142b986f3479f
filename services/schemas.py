"""Writes the checked-in JSON schemas anew from the contracts: `make schemas`."""

from pathlib import Path

from services import asyncapi
from services.rules_file import json_schema

SCHEMAS = Path(__file__).parents[1] / "contracts" / "schemas"
RULES = SCHEMAS / "rules.schema.json"
TOPICS = SCHEMAS / "asyncapi.json"


def main() -> None:
    """Write every schema."""
    RULES.write_text(json_schema(), encoding="utf-8")
    TOPICS.write_bytes(asyncapi.document())


if __name__ == "__main__":
    main()
