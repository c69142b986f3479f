"""The pages of reference are what the code says now."""

import pytest

from deploy.docs.reference import (
    COMMANDS,
    DASH,
    DATABASE_USERS,
    ENDPOINTS,
    RULES_FILE,
    commands,
    dash,
    database_users,
    endpoints,
    rules_file,
)
from tests.docs.pages import CODE


def test_the_checked_in_page_of_commands_is_what_the_command_line_says() -> None:
    assert COMMANDS.read_text() == commands(), "run `make schemas`"


def test_the_checked_in_page_of_the_rules_file_is_what_the_schema_says() -> None:
    assert RULES_FILE.read_text() == rules_file(), "run `make schemas`"


def test_S27_the_checked_in_page_of_the_databases_users_is_what_the_grants_say() -> None:
    assert DATABASE_USERS.read_text() == database_users(), "run `make schemas`"


def test_the_checked_in_page_of_dash_is_what_the_comments_say() -> None:
    assert DASH.read_text() == dash(), "run `make schemas`"


def test_S25_the_checked_in_inventory_is_what_the_role_web_serves() -> None:
    assert ENDPOINTS.read_text() == endpoints(), "run `make schemas`"


@pytest.mark.parametrize("name", ["up", "rules check", "gaps resume", "handover"])
def test_every_command_has_its_section(name: str) -> None:
    assert f"\n## {name}\n" in COMMANDS.read_text()


def test_every_field_says_what_it_means() -> None:
    rows = [line for line in RULES_FILE.read_text().splitlines() if line.startswith("| ")]

    assert len(rows) > len({"version", "rules"})
    assert [row for row in rows if CODE.search(row) and row.endswith("|  |")] == []
