"""Writes the checked-in schemas and the table of settings anew: `make schemas`."""

from pathlib import Path

from services import asyncapi
from services.cli import settings
from services.rules_file import json_schema

SCHEMAS = Path(__file__).parents[1] / "contracts" / "schemas"
RULES = SCHEMAS / "rules.schema.json"
TOPICS = SCHEMAS / "asyncapi.json"
SETTINGS = Path(__file__).parents[1] / "docs" / "settings.md"


def main() -> None:
    """Write all of them."""
    RULES.write_text(json_schema(), encoding="utf-8")
    TOPICS.write_bytes(asyncapi.document())
    SETTINGS.write_text(settings.document(), encoding="utf-8")


if __name__ == "__main__":
    main()
