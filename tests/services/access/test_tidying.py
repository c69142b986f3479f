"""What is over is forgotten in time (S22)."""

from datetime import timedelta
from typing import Any

from services.access.sign_in_log import Caller
from services.access.tidying import AccessTidying
from services.access.wiring import Access
from tests.services.access.kit import somebody

# What is let pass for each, and what is left of two by that.
AGED = {
    "sign_in_log": ("at", timedelta(days=401)),
    "invitations": ("expires_at", timedelta(days=408)),
    "sessions": ("seen_at", timedelta(hours=13)),
    "sign_in_steps": ("expires_at", timedelta(minutes=6)),
    "sign_in_delays": ("last_at", timedelta(hours=25)),
}


async def test_S22_what_is_over_is_forgotten_and_the_rest_stays(access: Access, owner: Any) -> None:
    person = await somebody(access)
    tables = sorted(AGED)
    await owner.execute(f"TRUNCATE {', '.join(tables)}")
    for number in range(2):
        await access.log.note("granted", Caller(principal=f"cli:{number}"))
        await access.invitations.make("invited", given_by="cli:root")
        await access.sessions.begin(person.id, how="password", whence="", agent="")
        await access.steps.begin("code", person.id, how="password")
        await access.delays.attempt(f"login {number}", f"address {number}")
    before = {each: await counted(owner, each) for each in tables}
    for table, (column, age) in AGED.items():
        await owner.execute(
            f"UPDATE {table} SET {column} = {column} - $1::interval"  # noqa: S608
            f" WHERE ctid = (SELECT min(ctid) FROM {table})",
            age,
        )

    await AccessTidying(owner).tidy()

    after = {each: await counted(owner, each) for each in tables}
    assert {each: before[each] - after[each] for each in tables} == dict.fromkeys(tables, 1)


async def counted(owner: Any, table: str) -> int:
    return int(await owner.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608
