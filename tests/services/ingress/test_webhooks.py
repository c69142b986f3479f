"""What Kommo posts, and what becomes of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from contracts.inbound import InboundBody, LeadAnnounced, LeadRemoved, LeadReported, TriggerFired
from contracts.kommo.notifications import LeadAction
from contracts.stage import Stage
from tests.services.ingress.harness import (
    ACCOUNT,
    FORM,
    NOON,
    OTHER_ACCOUNT,
    OTHER_SECRET,
    SECRET,
    form,
    ingress,
    lead,
    plain_trigger,
    request,
    widget_trigger,
)

pytestmark = pytest.mark.server

REPORTED = LeadReported(
    lead_id=900_001,
    action="add",
    stage=Stage(7_000_001, 61_000_002),
    responsible_id=501,
    modified_at=datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC),
    created_at=datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC),
    modified_by=0,
)
FIRED = TriggerFired(
    lead_id=900_001,
    stage=Stage(7_000_001, 61_000_003),
    source="dp_hook",
    old_stage=Stage(7_000_001, 61_000_002),
)


@pytest.mark.parametrize("action", ["add", "update", "status", "responsible", "restore"])
async def test_D1_1_an_account_webhook_about_a_lead_is_reported(action: LeadAction) -> None:
    async with ingress() as running:
        answer = await running.post(form(*lead(action)))

    assert answer.status_code == 200
    assert [m.body for m in running.log.messages()] == [replace(REPORTED, action=action)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (plain_trigger(), FIRED),
        (
            widget_trigger(),
            replace(FIRED, source="dp_widget", old_stage=None, occurred_at=REPORTED.modified_at),
        ),
        (
            form(("leads[delete][0][id]", 7), ("leads[delete][0][type]", "lead")),
            LeadRemoved(lead_id=7),
        ),
        (
            form(
                ("unsorted[delete][0][action]", "accept"),
                ("unsorted[delete][0][accept_result][leads][0]", 7),
            ),
            LeadAnnounced(lead_id=7),
        ),
        (
            form(
                ("unsorted[delete][0][action]", "decline"),
                ("unsorted[delete][0][decline_result][leads][0]", 7),
            ),
            LeadRemoved(lead_id=7),
        ),
    ],
    ids=["plain trigger", "widget trigger", "deletion", "accepted", "declined"],
)
async def test_D1_1_triggers_and_deletions_become_facts(body: bytes, expected: InboundBody) -> None:
    async with ingress() as running:
        answer = await running.post(body)

    assert answer.status_code == 200
    assert [m.body for m in running.log.messages()] == [expected]


@pytest.mark.parametrize(
    "body",
    [
        form(("contacts[update][0][id]", 5), ("contacts[update][0][type]", "contact")),
        form(("task[add][0][id]", 5)),
        widget_trigger(17),
        widget_trigger(15, "went_from_trigger"),
    ],
    ids=["contact", "task", "call", "left the stage"],
)
async def test_D1_1_what_moves_no_lead_is_answered_and_not_kept(body: bytes) -> None:
    async with ingress() as running:
        answer = await running.post(body)

    assert answer.status_code == 200
    assert (running.log.published, running.letters.kept) == ([], [])


@pytest.mark.parametrize("slash", ["", "/"])
async def test_D1_1_the_address_works_with_and_without_its_slash(slash: str) -> None:
    async with ingress() as running:
        answer = await running.post(plain_trigger(), slash=slash)

    assert (answer.status_code, len(running.log.messages())) == (200, 1)


async def test_F32_all_leads_of_a_body_are_durable_in_order_before_the_answer() -> None:
    body = form(*(field for number in range(250) for field in lead("status", number)))
    async with ingress(turn_bytes_max=32_768) as running:
        answer = await running.post(body)

    assert answer.status_code == 200
    assert len(running.log.published) > 2
    leads = [m.body.lead_id for m in running.log.messages()]
    assert leads == list(range(900_001, 900_251))


async def test_F32_a_broken_item_is_kept_and_its_neighbours_go_on() -> None:
    body = form(*lead("add", 0), *lead("add", 1, id="broken"), *lead("add", 2))
    async with ingress() as running:
        answer = await running.post(body)

    assert answer.status_code == 200
    assert [m.body.lead_id for m in running.log.messages()] == [900_001, 900_003]
    [letter] = running.letters.kept
    assert (letter.account_id, letter.body, letter.content_type) == (ACCOUNT, body, FORM)
    assert "leads[add][1]" in letter.reason


async def test_F27_a_repeated_body_gives_the_same_ids_and_another_body_others() -> None:
    body = form(*lead("add", 0), *lead("add", 1))
    async with ingress() as running:
        for sent in (body, body, form(*lead("add", 0))):
            assert (await running.post(sent)).status_code == 200

    ids = [m.message_id for m in running.log.messages()]
    assert ids[:2] == ids[2:4]
    assert len(set(ids)) == 3


async def test_F64_the_receipt_time_never_goes_back() -> None:
    walls = iter([NOON, NOON - timedelta(hours=1), NOON + timedelta(seconds=1)])
    async with ingress(now=walls.__next__) as running:
        for number in range(3):
            await running.post(plain_trigger(900_001 + number))

    later = NOON + timedelta(seconds=1)
    assert [m.at for m in running.log.messages()] == [NOON, NOON, later]


@pytest.mark.parametrize(
    "body",
    [plain_trigger(), form(*lead("add")), widget_trigger()],
    ids=["plain trigger", "lead", "widget trigger"],
)
async def test_I11_a_body_that_names_another_account_is_quarantined(body: bytes) -> None:
    async with ingress() as running:
        answer = await running.post(body, secret=OTHER_SECRET)

    assert answer.status_code == 200
    assert running.log.published == []
    [letter] = running.letters.kept
    assert (letter.account_id, letter.body) == (OTHER_ACCOUNT, body)
    assert str(ACCOUNT) in letter.reason


@pytest.mark.parametrize("name", ["contacts[update][0][id]", "leads[status][0][id]"])
@pytest.mark.parametrize(("subdomain", "kept"), [("acme", 0), ("ACME", 0), ("other", 1), ("", 0)])
async def test_I11_a_body_that_names_only_another_subdomain_is_quarantined(
    name: str, subdomain: str, kept: int
) -> None:
    fields = {"account[subdomain]": subdomain, name: 7, "leads[status][0][status_id]": 2}
    body = urlencode({**fields, "leads[status][0][pipeline_id]": 1, name: 7}).encode()
    async with ingress() as running:
        answer = await running.post(body)

    assert answer.status_code == 200
    other = [letter for letter in running.letters.kept if "the body of other" in letter.reason]
    assert len(other) == kept
    assert not (kept and running.log.published)


async def test_I11_an_account_that_was_renamed_is_known_by_its_id() -> None:
    body = plain_trigger().replace(b"acme", b"renamed")
    async with ingress() as running:
        await running.post(body)

    assert len(running.log.messages()) == 1


async def test_I11_a_lead_of_another_account_inside_a_body_is_quarantined() -> None:
    body = form(*lead("add", 0), *lead("add", 1, account_id=OTHER_ACCOUNT))
    async with ingress() as running:
        await running.post(body)

    assert running.log.published == []
    assert [letter.account_id for letter in running.letters.kept] == [ACCOUNT]


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "anything"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_attack_I1_an_upgrade_is_ignored_and_its_body_read(
    protocol: str, *, is_chunked: bool
) -> None:
    body = plain_trigger()
    head = (
        f"POST /kommo/{SECRET}/ HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\n"
        f"connection: Upgrade, HTTP2-Settings\r\nupgrade: {protocol}\r\nhttp2-settings: AAM\r\n"
    ).encode()
    if is_chunked:
        framed = b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        framed = b"content-length: %d\r\n\r\n%b" % (len(body), body)
    async with ingress() as running:
        answer = await running.raw(head + framed[:40], framed[40:], request(plain_trigger(2)))

    assert answer.count(b"HTTP/1.1 200") == 2
    assert [m.body.lead_id for m in running.log.messages()] == [900_001, 2]
    assert running.letters.kept == []


async def test_I1_a_tunnel_is_refused() -> None:
    async with ingress() as running:
        answer = await running.raw(b"CONNECT kommo.test:443 HTTP/1.1\r\nhost: x\r\n\r\nleads")

    assert answer.startswith(b"HTTP/1.1 405")


async def test_F34_json_instead_of_a_form_is_read() -> None:
    body = b'{"leads":{"delete":[{"id":"7"}]},"account":{"id":"32000001"}}'
    async with ingress() as running:
        await running.post(body, content_type="application/json")

    assert [m.body for m in running.log.messages()] == [LeadRemoved(lead_id=7)]


def _hostile() -> Iterator[bytes]:
    yield b""
    yield b"\xff\xfe\x00\x81" * 50
    yield b"leads[add][0][id]=\x00&leads%5Badd%5D=%ZZ%"
    yield b"a[b]=1&a=2&" + b"[" * 10_000
    yield b"&".join(b"f%d=1" % n for n in range(100_000))
    yield form(*lead("add", 0, id="9" * 30))
    yield form(*lead("add", 0, id="-1"))
    yield b"leads[add][999999999][id]=x"
    yield b"[" * 100_000
    yield b"{" + b'"a":[' * 5_000
    yield b"account[id]=%s" % (b"1" * 5_000)


@pytest.mark.parametrize("content_type", [FORM, "application/json", "\xff; charset=\xff"])
async def test_F34_nonsense_under_a_secret_is_kept_and_answered_200(content_type: str) -> None:
    bodies = list(_hostile())
    async with ingress() as running:
        headers = [(b"content-type", content_type.encode("latin-1"))]
        path = f"/kommo/{SECRET}/"
        codes = [
            (await running.client.post(path, content=body, headers=headers)).status_code
            for body in bodies
        ]

    assert codes == [200] * len(bodies)
    assert running.log.published == []
    assert [letter.body for letter in running.letters.kept] == bodies
    assert max(map(len, bodies)) > 2 * 65_536


async def test_F34_of_a_body_of_more_than_kommo_sends_the_beginning_is_kept() -> None:
    body = b"leads[add][0][id]=x&" * 50_000
    async with ingress() as running:
        answer = await running.post(body)

    assert answer.status_code == 200
    [letter] = running.letters.kept
    assert (letter.body, letter.size) == (body[:65_536], len(body))
    assert letter.reason == "body: expected at most 150000 fields and brackets"


async def test_F34_the_reason_names_the_body_once() -> None:
    async with ingress() as running:
        await running.post(b"nonsense")

    [letter] = running.letters.kept
    assert letter.reason == "body: expected an entity of Kommo, as leads[add][0]"


async def test_F34_undecodable_text_costs_nothing_but_itself() -> None:
    body = form(*lead("add")).replace(b"Anna", b"%FF\xfe\x00")
    async with ingress() as running:
        await running.post(body)

    assert [m.body for m in running.log.messages()] == [REPORTED]


async def test_F34_a_compressed_body_is_kept_unread() -> None:
    async with ingress() as running:
        answer = await running.post(b"\x1f\x8b...", content_encoding="gzip")

    assert (answer.status_code, running.log.published) == (200, [])
    assert [letter.reason for letter in running.letters.kept] == ["content encoding not supported"]
