"""Writes the checked-in schemas and the table of settings anew: `make schemas`."""

from pathlib import Path

from services.api import document
from services.log import asyncapi
from services.rules_file.file import json_schema
from services.runtime import settings

SCHEMAS = Path(__file__).parents[2] / "contracts" / "schemas"
RULES = SCHEMAS / "rules.schema.json"
TOPICS = SCHEMAS / "asyncapi.json"
OPENAPI = SCHEMAS / "openapi.json"
SETTINGS = Path(__file__).parents[2] / "docs" / "settings.md"


def main() -> None:
    """Write all of them."""
    RULES.write_text(json_schema(), encoding="utf-8")
    TOPICS.write_bytes(asyncapi.document())
    OPENAPI.write_text(document.text(), encoding="utf-8")
    SETTINGS.write_text(settings.document(), encoding="utf-8")


if __name__ == "__main__":
    main()
