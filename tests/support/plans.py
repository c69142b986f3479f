"""How the database answered what was asked of it: plans as they were carried out, row by row."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.storage.tenancy import SET_BOUNDS
from tests.support.waiting import until

# Of a database: whoever connects from now on has each plan written into the server's log.
EXPLAINING = """
ALTER DATABASE {0} SET session_preload_libraries = 'auto_explain';
ALTER DATABASE {0} SET auto_explain.log_min_duration = 0;
ALTER DATABASE {0} SET auto_explain.log_analyze = on;
ALTER DATABASE {0} SET auto_explain.log_timing = off;
ALTER DATABASE {0} SET auto_explain.log_format = 'json';
"""
MARK = "plan:\n"
READ = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")


@dataclass(frozen=True, slots=True)
class Reading:
    """One table that a statement read.

    Attributes:
        rows: That were looked at, those included that were left out then.
        how: The node of the plan.
    """

    table: str
    rows: int
    how: str
    statement: str

    def __str__(self) -> str:
        asked = " ".join(self.statement.split())
        return f"{self.rows:,} rows of {self.table} by {self.how}: {asked[-200:]}"


def plans(text: str) -> Iterator[dict[str, Any]]:
    """Every plan of a server's log."""
    decoder = json.JSONDecoder()
    for part in text.split(MARK)[1:]:
        # Lines after the first begin with a tab.
        yield decoder.raw_decode(part.replace("\n\t", "\n").lstrip())[0]


def readings(plan: dict[str, Any]) -> Iterator[Reading]:
    """What a plan read of every table."""

    def of(node: dict[str, Any]) -> Iterator[Reading]:
        if "Relation Name" in node and node["Node Type"] != "ModifyTable":
            each = sum(node.get(key, 0) for key in READ)
            yield Reading(
                node["Relation Name"],
                round(each * node["Actual Loops"]),
                node["Node Type"],
                plan["Query Text"],
            )
        for child in node.get("Plans", ()):
            yield from of(child)

    yield from of(plan["Plan"])


class Explained:
    """A server's log, as far as it is new at each look."""

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster
        self._seen = 0

    async def since(self, pool: Any) -> list[Reading]:
        """What was read since the last look, by whoever asks as that pool does."""
        return (await self.looked(pool))[0]

    async def statements(self, pool: Any) -> list[str]:
        """What was asked since then, but for what names the account."""
        return (await self.looked(pool))[1]

    async def looked(self, pool: Any) -> tuple[list[Reading], list[str]]:
        """Both of them."""
        plans = await self._plans(pool)
        texts = [plan["Query Text"] for plan in plans]
        return (
            [reading for plan in plans for reading in readings(plan)],
            [text for text in texts if text != SET_BOUNDS],
        )

    async def _plans(self, pool: Any) -> list[dict[str, Any]]:
        mark = f"looked-{self._seen}"
        await pool.fetchval(f"SELECT '{mark}'")
        await until(lambda: mark in self._new())
        text = self._new()
        self._seen += len(text)
        return [plan for plan in plans(text) if mark not in plan["Query Text"]]

    def _new(self) -> str:
        logs = sorted((self._cluster / "log").iterdir())
        return "".join(each.read_text(errors="replace") for each in logs)[self._seen :]
