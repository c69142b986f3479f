"""Deeds that move many leads, and the second person (S32)."""

import asyncio
from itertools import count
from typing import Any

import pytest

from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.keys import make_key
from services.application.people.wide import agree, held_deeds, refuse, require_not_too_wide
from services.application.refused import Refused
from services.words.catalogue import Words
from tests.services.access.kit import grant
from tests.services.application.people.kit import ROOT, again, browser, program

SETTINGS = AccessSettings()
WIDE = SETTINGS.wide_leads
_accounts = count(5_000)
_digests = count(1)


async def ask(
    access: Access, who: Whoever, account_id: int, *, leads: int = WIDE, digest: bytes = b""
) -> None:
    digest = digest or next(_digests).to_bytes(8)
    await require_not_too_wide(access, who, account_id, what="rules", leads=leads, digest=digest)


async def two(access: Access) -> tuple[int, Whoever, Whoever]:
    """An account of its own for a test, and two who decide in it."""
    account_id = next(_accounts)
    _, first, _ = await browser(access, grant("administrator", account_id))
    _, second, _ = await browser(access, grant("administrator", account_id))
    return account_id, first, second


async def spent(access: Access, who: Whoever, account_id: int) -> None:
    """Everything that passes in an hour."""
    for _ in range(SETTINGS.wide_per_hour):
        await ask(access, who, account_id)


async def test_S32_beyond_some_an_hour_somebody_else_agrees(access: Access) -> None:
    account_id, first, second = await two(access)
    await spent(access, first, account_id)

    with pytest.raises(Refused, match="wide_deed_held") as refused:
        await ask(access, first, account_id, digest=b"the fourth")
    with pytest.raises(Refused, match="wide_deed_held") as repeated:
        await ask(access, first, account_id, digest=b"the fourth")
    assert refused.value.sentence == repeated.value.sentence
    (held,) = await held_deeds(access, second, account_id)
    assert (held.principal, held.leads, held.what) == (first.id, WIDE, "rules")

    await agree(access, second, account_id, held.id)

    await ask(access, first, account_id, digest=b"the fourth")
    await ask(access, first, account_id, digest=b"the fourth")  # the same deed, repeated
    assert await held_deeds(access, second, account_id) == []
    with pytest.raises(Refused, match="wide_deed_held"):
        await ask(access, first, account_id, digest=b"the fifth")
    told = [each.what for each in await access.log.of_account(account_id, limit=9)]
    held_ones = ["wide_deed_held", "wide_deed_approved", "wide_deed_held"]
    assert told == held_ones + ["wide_deed_passed"] * SETTINGS.wide_per_hour

    (fifth,) = await held_deeds(access, second, account_id)
    await refuse(access, second, account_id, fifth.id)
    judge = await access.people.get(second.person_id or 0)
    assert judge is not None
    with pytest.raises(Refused, match="wide_deed_refused") as no:
        await ask(access, first, account_id, digest=b"the fifth")
    assert Words().say(no.value.sentence).startswith(f"{judge.name} said no to this today")


async def test_S32_what_moves_few_leads_is_no_wide_deed(access: Access) -> None:
    account_id, first, _ = await two(access)
    for _ in range(20):
        await ask(access, first, account_id, leads=WIDE - 1)

    await spent(access, first, account_id)
    assert await held_deeds(access, first, account_id) == []


async def test_S32_one_deed_of_very_many_leads_is_held_at_once(access: Access) -> None:
    account_id, first, _ = await two(access)

    with pytest.raises(Refused, match="wide_deed_held"):
        await ask(access, first, account_id, leads=SETTINGS.wide_leads_per_hour + 1)


async def test_S32_nobody_agrees_to_their_own_deed_not_even_by_a_key(access: Access) -> None:
    account_id, first, second = await two(access)
    made, text = await make_key(
        access, first, label="x", account_id=account_id, scopes=["access", "rules"]
    )
    key = await program(access, text.get_secret_value())
    await spent(access, first, account_id)
    for who in (first, key):
        with pytest.raises(Refused, match="wide_deed_held"):
            await ask(access, who, account_id, digest=who.id.encode())

    for deed in await held_deeds(access, second, account_id):
        for who in (first, key):
            with pytest.raises(Refused, match="wide_deed_own"):
                await agree(access, who, account_id, deed.id)
        await agree(access, second, account_id, deed.id)
        with pytest.raises(Refused, match="wide_deed_unknown"):
            await agree(access, second, account_id, deed.id)
    assert made.person_id == first.person_id


async def test_S32_S5_only_who_decides_in_the_account_agrees(access: Access) -> None:
    account_id, first, _ = await two(access)
    _, stranger, _ = await browser(access, grant("administrator", 1))
    _, supervisor, _ = await browser(access, grant("supervisor", account_id))
    await spent(access, first, account_id)
    with pytest.raises(Refused, match="wide_deed_held"):
        await ask(access, first, account_id)
    (held,) = await held_deeds(access, supervisor, account_id)

    for who in (stranger, supervisor):
        with pytest.raises(Refused, match="not_allowed"):
            await agree(access, who, account_id, held.id)
    with pytest.raises(Refused, match="not_allowed"):
        await held_deeds(access, stranger, account_id)
    with pytest.raises(Refused, match="wide_deed_unknown"):
        await agree(access, stranger, 1, held.id)


async def test_S32_an_hour_later_some_pass_again_and_a_day_later_none_is_held(
    access: Access, owner: Any
) -> None:
    account_id, first, second = await two(access)
    await spent(access, first, account_id)
    with pytest.raises(Refused, match="wide_deed_held"):
        await ask(access, first, account_id)
    (held,) = await held_deeds(access, second, account_id)

    await owner.execute("UPDATE wide_deeds SET passed_at = passed_at - interval '61 minutes'")
    await ask(access, first, account_id)
    await owner.execute("UPDATE wide_deeds SET asked_at = asked_at - interval '25 hours'")
    with pytest.raises(Refused, match="wide_deed_unknown"):
        await agree(access, second, account_id, held.id)


async def test_attack_S32_at_once_no_more_pass_than_one_after_the_other(access: Access) -> None:
    account_id, first, _ = await two(access)

    answers = await asyncio.gather(
        *(ask(access, first, account_id) for _ in range(8)), return_exceptions=True
    )

    assert answers.count(None) == SETTINGS.wide_per_hour
    assert {str(each) for each in answers if each is not None} == {"wide_deed_held"}


async def test_S32_at_the_machine_nothing_is_held_and_it_counts(access: Access) -> None:
    account_id, first, _ = await two(access)
    for _ in range(SETTINGS.wide_per_hour + 1):
        await ask(access, ROOT, account_id)

    with pytest.raises(Refused, match="wide_deed_held"):
        await ask(access, first, account_id)


async def test_S32_wide_deeds_ask_again_who_it_is(access: Access, owner: Any) -> None:
    account_id = next(_accounts)
    person, _, cookie = await browser(access, grant("administrator", account_id))
    await owner.execute(
        "UPDATE sessions SET fresh_at = fresh_at - interval '11 minutes' WHERE person_id = $1",
        person.id,
    )
    who = await again(access, cookie)

    await ask(access, who, account_id, leads=WIDE - 1)
    with pytest.raises(Refused, match="proof_needed"):
        await ask(access, who, account_id)
