"""Bodies that were understood are read again, and what took effect is known as a copy."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.kommo.steps import at_once
from contracts.kommo.webhooks import reading
from services.access.roles import ROLES
from services.application import raw_bodies
from services.application.principal import Principal
from services.application.raw_bodies import ReadAgain
from services.application.refused import Refused
from services.application.span import Span
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.intake import Intake
from services.log.postgres import PostgresLogWriter
from services.shared.codec import decode_inbound, encode_inbound
from services.storage.accounts import WebhookOwner
from services.storage.raw_bodies import RawBodies
from services.storage.raw_packing import RawBody
from tests.services.ingress.harness import ACCOUNT, FORM, NOON, form, lead
from tests.support.vault import VAULT

OPERATOR = Principal(id="person:7", scopes=ROLES["operator"])
ADMINISTRATOR = Principal(id="person:8", scopes=ROLES["administrator"])
HOUR = timedelta(hours=1)
SPAN = Span(start=NOON - HOUR, end=NOON + HOUR)
BODY = form(*lead("add"), *lead("status", 1))
# What a release before this one took for something else.
NONSENSE = b"leads[add][0][id]=oops"
CONTACT = form(("contacts[add][0][id]", 5), ("contacts[add][0][type]", "contact"))


def ids_at_first(content: bytes) -> list[str]:
    """The ids of the messages that ingress made of a body when it came."""
    intake = Intake(read=reading, encode=encode_inbound, clock=ReceiptClock(lambda: NOON))
    kept = at_once(
        intake.understanding(
            WebhookOwner(ACCOUNT, "acme"),
            Body(content, len(content)),
            content_type=FORM,
            content_encoding=None,
        )
    )
    return list(kept.message_ids)


@pytest.fixture
async def here(pool: Any) -> Any:
    kept = RawBodies(pool, VAULT, now=lambda: NOON)
    bodies = [
        RawBody(received_at=at, content_type=FORM, content=content)
        for at, content in (
            (NOON, BODY),
            (NOON, NONSENSE),
            (NOON, CONTACT),
            (NOON + 2 * HOUR, form(*lead("add", 5))),
        )
    ]
    await kept.keep([(ACCOUNT, bodies), (ACCOUNT + 1, bodies)])
    return SimpleNamespace(pool=pool, raw_bodies=kept, log=PostgresLogWriter(pool))


async def test_F33_bodies_of_a_time_are_read_again_and_their_messages_have_the_ids_they_had(
    here: Any,
) -> None:
    account: Any = SimpleNamespace(account_id=ACCOUNT)
    done = await raw_bodies.replay(here, account, OPERATOR, SPAN)

    assert done == ReadAgain(bodies=3, messages=2, not_understood=1)
    values = [row[0] for row in await here.pool.fetch("SELECT value FROM inbound_log ORDER BY 1")]
    messages = [decode_inbound(value) for value in values]
    assert sorted(each.message_id for each in messages) == sorted(ids_at_first(BODY))
    assert {each.account_id for each in messages} == {ACCOUNT}
    looks = await here.pool.fetch("SELECT principal, what FROM access_log")
    assert [tuple(each) for each in looks] == [("person:7", "raw_bodies")]


async def test_S8_raw_bodies_are_the_operators(here: Any) -> None:
    account: Any = SimpleNamespace(account_id=ACCOUNT)

    async def look(who: Principal) -> list[RawBody]:
        return [each async for each in raw_bodies.bodies(here, account, who, SPAN)]

    for order in (
        raw_bodies.hours(here, account, ADMINISTRATOR, SPAN),
        raw_bodies.replay(here, account, ADMINISTRATOR, SPAN),
        look(ADMINISTRATOR),
    ):
        with pytest.raises(Refused, match="not_allowed"):
            await order
    assert [each.content for each in await look(OPERATOR)] == [BODY, NONSENSE, CONTACT]
