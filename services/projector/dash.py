"""The schema `dash`: views with promised columns, for whoever asks by SQL (S5).

A view stands on the tables of one read model, and follows them when they are renamed. So whoever
makes a read model anew points its views at the new tables, in the transaction of the swap; there,
a reader of a view and the swap may wait for each other for a moment.

Columns stay; new ones come last. A view that is to change comes with a new revision of its read
model, by which it is made anew.
"""

import re
from functools import cache
from importlib import resources

from projections import Connection
from services.storage.roles import admit_to_dash

VIEW = re.compile(r"CREATE OR REPLACE VIEW dash\.(\w+)")


@cache
def statements(projection: str) -> str:
    """What makes the views of a read model, with a comment on each and on every column."""
    file = resources.files("projections") / "dash" / f"{projection}.sql"
    return file.read_text("utf-8") if file.is_file() else ""


def views(projection: str) -> list[str]:
    """The names of its views."""
    return VIEW.findall(statements(projection))


async def point(connection: Connection, projection: str) -> None:
    """Make the views of a read model, or point them at its present tables."""
    if sql := statements(projection):
        await connection.execute(sql)
        await admit_to_dash(connection)
