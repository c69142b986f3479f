"""Passkeys: added, used, told apart from copies (W7, S29)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.access.delays import ADDRESS_FACTOR
from services.access.passkeys import PER_PERSON_MAX
from services.access.relying import RelyingParty, relying_party
from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people import passkeys
from services.application.people.signing_in import SignedIn
from services.application.refused import Refused
from services.shared.secrets import Vault
from tests.services.access.kit import grant
from tests.services.application.people.device import PRESENT, Device
from tests.services.application.people.kit import AGENT, NOBODY, again, browser
from tests.support.vault import VAULT

ADDRESS = "https://leads.example.com"
STALE = "UPDATE sessions SET fresh_at = fresh_at - interval '11 minutes' WHERE person_id = $1"


@pytest.fixture(autouse=True)
async def _nobody_waits(owner: Any) -> None:
    """All tests come from one address."""
    await owner.execute("DELETE FROM sign_in_delays")


async def added(
    access: Access, who: Whoever, device: Device, *, name: str = "phone", address: str = ADDRESS
) -> int:
    step = await passkeys.begin_passkey(access, who, address=address)
    passkey = await passkeys.add_passkey(
        access,
        who,
        step.token.get_secret_value(),
        device.make(step.options),
        name=name,
        address=address,
    )
    return passkey.id


async def shown(access: Access, device: Device, *, address: str = ADDRESS) -> SignedIn:
    step = await passkeys.begin_by_passkey(access, address=address)
    return await passkeys.sign_in_by_passkey(
        access,
        step.token.get_secret_value(),
        device.show(step.options),
        address=address,
        caller=NOBODY,
        agent=AGENT,
    )


async def test_a_passkey_signs_in_without_a_password_and_a_code(access: Access) -> None:
    person, who, _ = await browser(access, grant("administrator"))
    device = Device()
    passkey_id = await added(access, who, device)

    signed_in = await shown(access, device)

    assert (signed_in.person.id, signed_in.session.how) == (person.id, "passkey")
    assert (await shown(access, device)).person.id == person.id
    (kept,) = await passkeys.passkeys(access, who)
    assert (kept.id, kept.name, kept.sign_count) == (passkey_id, "phone", 2)
    assert kept.transports == ("internal", "hybrid")
    assert kept.used_at is not None
    told = [each.what for each in await access.log.of_person(person.id, limit=9)]
    assert told == ["signed_in", "signed_in", "passkey_added"]


async def test_a_device_that_does_not_count_signs_in_as_often_as_it_likes(
    access: Access,
) -> None:
    person, who, _ = await browser(access)
    device = Device(is_counting=False)
    await added(access, who, device)

    for _ in range(3):
        assert (await shown(access, device)).person.id == person.id


async def test_S29_a_copy_of_a_device_is_noticed_by_its_count(access: Access) -> None:
    person, who, _ = await browser(access)
    device = Device()
    await added(access, who, device)
    for _ in range(3):
        await shown(access, device)

    device.count = 1
    with pytest.raises(Refused, match="passkey_not_true"):
        await shown(access, device)

    (line, *_) = await access.log.of_person(person.id, limit=9)
    assert line.what == "passkey_cloned"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://leads.example.com", ADDRESS + ":8443"]
)
async def test_S29_a_passkey_is_for_our_address_alone(access: Access, origin: str) -> None:
    _, who, _ = await browser(access)
    device = Device()
    await added(access, who, device)

    device.origin = origin
    with pytest.raises(Refused, match="passkey_not_true"):
        await shown(access, device)
    with pytest.raises(Refused, match="passkey_not_true"):
        await added(access, who, Device(origin=origin))


async def test_S29_a_device_without_a_finger_or_a_number_is_not_enough(access: Access) -> None:
    _, who, _ = await browser(access)
    device = Device()
    await added(access, who, device)
    device.flags = PRESENT
    bare = Device()
    bare.flags = PRESENT

    with pytest.raises(Refused, match="passkey_not_true"):
        await shown(access, device)
    with pytest.raises(Refused, match="passkey_not_true"):
        await added(access, who, bare)


async def test_S29_an_answer_is_to_its_question_once(access: Access) -> None:
    _, who, _ = await browser(access)
    device = Device()
    await added(access, who, device)
    first = await passkeys.begin_by_passkey(access, address=ADDRESS)
    second = await passkeys.begin_by_passkey(access, address=ADDRESS)
    answer = device.show(first.options)

    async def go_on(step: passkeys.PasskeyStep) -> SignedIn:
        token = step.token.get_secret_value()
        return await passkeys.sign_in_by_passkey(
            access, token, answer, address=ADDRESS, caller=NOBODY, agent=AGENT
        )

    with pytest.raises(Refused, match="passkey_not_true"):
        await go_on(second)
    await go_on(first)
    with pytest.raises(Refused, match="step_over"):
        await go_on(first)


async def test_S29_nobodys_passkey_and_nonsense_are_told_alike(access: Access) -> None:
    stranger = Device()
    answers: list[Callable[[str], str]] = [
        stranger.show,
        lambda _: "",
        lambda _: "{}",
        lambda _: "null",
        lambda _: "[" * 50_000,
        lambda _: "x" * 70_000,
        lambda _: json.dumps({"id": 1, "rawId": [], "type": "x", "response": None}),
        lambda options: stranger.show(options).replace("public-key", "other"),
    ]
    for answer in answers:
        step = await passkeys.begin_by_passkey(access, address=ADDRESS)
        with pytest.raises(Refused, match="passkey_not_true"):
            await passkeys.sign_in_by_passkey(
                access,
                step.token.get_secret_value(),
                answer(step.options),
                address=ADDRESS,
                caller=NOBODY,
                agent=AGENT,
            )
    lines = await access.log.of_account(None, limit=len(answers))
    assert {(each.what, each.about) for each in lines} == {("sign_in_failed", "passkey")}


async def test_attack_S29_an_address_that_shows_false_passkeys_waits(access: Access) -> None:
    told = []
    for _ in range(AccessSettings().delay_after * ADDRESS_FACTOR + 2):
        with pytest.raises(Refused) as refused:
            await shown(access, Device())
        told.append(refused.value.code)

    assert told == ["passkey_not_true"] * (len(told) - 1) + ["sign_in_wait"]


async def test_nobody_learns_who_has_a_passkey(access: Access) -> None:
    asked = json.loads((await passkeys.begin_by_passkey(access, address=ADDRESS)).options)

    assert not asked.get("allowCredentials")
    assert (asked["rpId"], asked["userVerification"]) == ("leads.example.com", "required")


async def test_a_device_makes_no_second_one_and_nobody_takes_anothers(access: Access) -> None:
    _, who, _ = await browser(access)
    _, other, _ = await browser(access)
    device = Device()
    await added(access, who, device)
    step = await passkeys.begin_passkey(access, who, address=ADDRESS)

    assert len(json.loads(step.options)["excludeCredentials"]) == 1
    with pytest.raises(Refused, match="passkey_not_added"):
        await added(access, other, device)
    with pytest.raises(Refused, match="step_over"):
        await passkeys.add_passkey(
            access,
            other,
            step.token.get_secret_value(),
            Device().make(step.options),
            name="phone",
            address=ADDRESS,
        )


async def test_passkeys_are_named_and_removed_by_whose_they_are(access: Access) -> None:
    person, who, _ = await browser(access)
    _, other, _ = await browser(access)
    device = Device()
    passkey_id = await added(access, who, device)

    for deed in (
        passkeys.remove_passkey(access, other, passkey_id),
        passkeys.rename_passkey(access, other, passkey_id, "mine"),
    ):
        with pytest.raises(Refused, match="passkey_unknown"):
            await deed
    for name in ("", " ", "x" * 101, "two\nlines"):
        with pytest.raises(Refused, match="name_unusable"):
            await passkeys.rename_passkey(access, who, passkey_id, name)
    await passkeys.rename_passkey(access, who, passkey_id, "telefono")
    assert [each.name for each in await passkeys.passkeys(access, who)] == ["telefono"]
    await passkeys.remove_passkey(access, who, passkey_id)

    assert await passkeys.passkeys(access, who) == []
    with pytest.raises(Refused, match="passkey_not_true"):
        await shown(access, device)
    await access.people.disable(person.id)


async def test_who_is_let_in_no_more_is_so_by_passkey(access: Access) -> None:
    person, who, _ = await browser(access)
    device = Device()
    await added(access, who, device)

    await access.people.disable(person.id)

    with pytest.raises(Refused, match="passkey_not_true"):
        await shown(access, device)


async def test_S32_a_passkey_shows_again_who_they_are(access: Access, owner: Any) -> None:
    person, who, cookie = await browser(access)
    _, other, _ = await browser(access)
    device, foreign = Device(), Device()
    await added(access, who, device)
    await added(access, other, foreign)
    await owner.execute(STALE, person.id)
    who = await again(access, cookie)
    with pytest.raises(Refused, match="proof_needed"):
        await passkeys.begin_passkey(access, who, address=ADDRESS)

    async def prove(by: Device) -> str:
        step = await passkeys.begin_by_passkey(access, address=ADDRESS)
        return await passkeys.prove_again_by_passkey(
            access,
            who,
            cookie,
            step.token.get_secret_value(),
            by.show(step.options),
            address=ADDRESS,
        )

    with pytest.raises(Refused, match="passkey_not_true"):
        await prove(foreign)
    assert (await again(access, await prove(device))).is_fresh


async def test_somebody_has_so_many_passkeys_at_most(access: Access) -> None:
    person, who, _ = await browser(access)
    for number in range(PER_PERSON_MAX - 1):
        await access.passkeys.add(
            person.id,
            credential_id=f"{person.id} {number}".encode(),
            public_key=b"",
            sign_count=0,
            transports=(),
            name="x",
        )
    await added(access, who, Device())

    with pytest.raises(Refused, match="passkey_not_added"):
        await added(access, who, Device())


async def test_S17_names_of_passkeys_lie_sealed_and_are_sealed_anew(
    access: Access, owner: Any
) -> None:
    _, who, _ = await browser(access)
    passkey_id = await added(access, who, Device(), name="canary of a name")
    rows = await owner.fetch("SELECT passkeys::text FROM passkeys")
    assert not any("canary" in row[0] or b"canary".hex() in row[0] for row in rows)

    new = Vault((b"n" * 32, *VAULT.keys))
    both = Access(access.pool, new, AccessSettings())
    assert await both.passkeys.reseal() == len(rows)
    after = Access(access.pool, Vault(new.keys[:1]), AccessSettings())
    names = {each.id: each.name for each in await after.passkeys.of(who.person_id or 0)}
    assert names == {passkey_id: "canary of a name"}
    assert await Access(
        access.pool, Vault((*VAULT.keys, b"n" * 32)), AccessSettings()
    ).passkeys.reseal()


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("https://leads.example.com", ("leads.example.com", "https://leads.example.com")),
        ("https://leads.example.com:443", ("leads.example.com", "https://leads.example.com")),
        ("https://leads.example.com:8443", ("leads.example.com", "https://leads.example.com:8443")),
        ("https://LEADS.example.com./x", ("leads.example.com", "https://leads.example.com")),
        ("http://localhost:8090", ("localhost", "http://localhost:8090")),
        ("http://leads.example.com", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::7]", None),
        ("http://127.0.0.1:8090", None),
        ("", None),
    ],
)
def test_passkeys_are_for_a_name_over_https_or_this_machine(
    address: str, party: tuple[str, str] | None
) -> None:
    expected = None if party is None else RelyingParty(host=party[0], origin=party[1])

    assert relying_party(address) == expected


async def test_where_browsers_make_no_passkeys_that_is_said(access: Access) -> None:
    _, who, _ = await browser(access)

    with pytest.raises(Refused, match="passkeys_not_here"):
        await passkeys.begin_passkey(access, who, address="https://192.0.2.7")
    with pytest.raises(Refused, match="passkeys_not_here"):
        await passkeys.begin_by_passkey(access, address="http://leads.example.com")
