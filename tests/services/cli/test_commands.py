"""Every command beside a running fairlead: what it answers, and what it says when it cannot."""

import asyncio
import re
import secrets
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from rich.console import Console
from typer.main import get_command

from services.application.baseline import Baseline, follow
from services.cli.accounts import _baseline
from services.cli.main import app
from services.cli.output import watched
from services.cli.speech import words as words_of
from services.demo.sample import NEW_REQUEST, SALES
from services.gateway.postgres import PostgresSweeps
from services.gateway.sweep import Progress
from services.log.port import Entry
from services.projector.registry import PROJECTIONS
from services.projector.run import lag
from services.runtime.installation import open_installation
from services.storage.dead_letters import DeadLetter
from tests.services.cli.conftest import Here, Said, command, process
from tests.support.running import ADMIN_ID, TESTER
from tests.support.waiting import until

BEYOND = 2**63


def all_commands(group: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """The words of every command and group."""
    yield before
    for name, each in getattr(group, "commands", {}).items():
        yield from all_commands(each, *before, name)


@pytest.mark.parametrize("words", list(all_commands(get_command(app))), ids=" ".join)
def test_every_command_explains_itself(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = command(tmp_path / "none", *words, "--help")

    assert said.status == 0
    assert f"Usage: fairlead {' '.join(words)}".rstrip() in said.out.replace("root", "fairlead")
    assert len(said.out.splitlines()) > 4
    assert not (tmp_path / "none").exists()


@pytest.mark.server
def test_the_program_itself_answers_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    helped = process(tmp_path, "--help")
    told = process(tmp_path, "--version")
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    refused = process(tmp_path, "deal")

    assert (helped.status, "doctor" in helped.out) == (0, True)
    assert (told.status, told.out) == (0, f"fairlead {project['version']}\n")
    assert (refused.status, "No such command" in refused.err) == (2, True)
    assert "Traceback" not in refused.err


# connect ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("acme", "must begin with https://. Expected one like https://acme.kommo.com."),
        ("https://evil.test", "must be https://<name>.kommo.com"),
        ("https://acme.kommo.com.evil.test", "must be https://<name>.kommo.com"),
        ("https://acme.kommo.com@evil.test", "ADDRESS: "),
        ("https://acme.kommo.com:99999", "ADDRESS: "),
        ("http://acme.kommo.com", "ADDRESS: "),
        ("https://[", "ADDRESS: "),
        ("", "ADDRESS: "),
        ("http://127.0.0.1:1", "Kommo does not answer at 127.0.0.1:1: "),
    ],
)
def test_S14_connect_refuses_an_address_that_is_no_accounts(
    here: Here, address: str, reason: str
) -> None:
    said = here.say("connect", address, "--token-file", here.system.kommo.token_file)

    assert reason in said.error_after_steps
    assert "\n" not in said.error_after_steps


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("wrong-token", "Kommo refused (401): the token is wrong, expired or revoked"),
        ("", "expected one word"),
        ("two words", "expected one word"),
        ("two\nlines", "expected one word"),
        ("жетон", "expected one word"),
        (b"\xff\xfe\x00", "expected one word"),
    ],
)
def test_connect_says_what_is_wrong_with_the_token(
    here: Here, token: str | bytes, reason: str
) -> None:
    file = here.file("token", token)

    said = here.say("connect", here.system.kommo.base_url, "--token-file", file)

    assert reason in said.error_after_steps
    assert "\n" not in said.error_after_steps


def test_connect_names_a_token_file_that_cannot_be_read(here: Here) -> None:
    address = here.system.kommo.base_url
    missing = here.say("connect", address, "--token-file", here.folder / "none")
    folder = here.say("connect", address, "--token-file", here.folder)

    assert missing.error == f"{here.folder}/none: No such file or directory"
    assert folder.error == f"{here.folder}: Is a directory"


@pytest.mark.parametrize(
    "url",
    ["leads.test", "ftp://leads.test", "http://[", "http://h:99999", "http://é", "http://a b"],
)
def test_connect_refuses_an_address_that_kommo_cannot_reach(here: Here, url: str) -> None:
    said = here.say(
        *("connect", here.system.kommo.base_url, "--public-url", url),
        *("--token-file", here.system.kommo.token_file),
    )

    assert "--public-url: Expected something like https://leads.example.test" in said.error


def test_connect_asks_for_the_token_and_shows_it_nowhere(tmp_path: Path, here: Here) -> None:
    """A second installation: the shared one keeps its address."""
    token = here.system.kommo.token_file.read_text()
    words = ("connect", here.system.kommo.base_url, "--public-url", "http://127.0.0.1:9")

    nothing_runs = command(tmp_path / "own", *words[:2], typed=f"{token}\n")
    first = command(tmp_path / "own", *words, typed=f"{token}\n")
    again = command(tmp_path / "own", *words, typed=f"{token}\n")

    assert nothing_runs.status == 1
    assert "has to be named" in nothing_runs.err
    assert (first.status, again.status) == (0, 0), again.err
    assert "Connected account 32000001 (Acme, America/Sao_Paulo)." in first.out
    assert first.out.endswith(
        "Nothing runs that reads the account's leads. Start it: fairlead up\n"
    )
    assert "replace it in every trigger" not in first.out
    assert "replace it in every trigger" in again.out
    assert token not in first.out + first.err + again.out + again.err
    hooks = here.do(here.system.kommo.get("/webhooks"))["webhooks"]
    assert len([h for h in hooks if h["destination"].startswith("http://127.0.0.1:9/")]) == 1


def test_D1_7_connect_waits_for_the_baseline_and_tells_who_has_the_open_leads(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    async def read() -> str:
        async with here.system.opened() as installation:
            told = await _baseline(installation, here.system.account_id, within_s=60)
            account = await installation.account(here.system.account_id)
        return words_of(account).say(told)

    (lead_id,) = here.do(here.system.new_leads(1))
    said, owners = here.do(read()), here.do(here.system.owners())

    assert owners[lead_id] == ADMIN_ID
    assert re.fullmatch(r"Open leads: \d+ with a manager, 0 without\.", said)
    told = capsys.readouterr().out.splitlines()
    assert told.count("All leads were read; they are being counted.") == 1


def test_D1_7_a_baseline_that_takes_longer_goes_on_without_whoever_waited(here: Here) -> None:
    looks: list[Baseline] = []

    async def wait() -> Baseline | None:
        async with here.system.opened() as installation:
            account = await installation.account(here.system.account_id)
            other = replace(account, account_id=5)
            page = "https://acme.kommo.com/api/v4/leads?limit=250&page=3"
            reading = Progress(
                account_id=5, kind="baseline", started_at=datetime.now(UTC), next_page=page
            )
            await PostgresSweeps(installation.pool).save(reading)
            return await follow(installation, other, TESTER, within_s=0, on_look=looks.append)

    assert here.do(wait()) is None
    assert looks == [Baseline(state="reading", leads_read=500, held=0, free=0)]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_count_that_grows_is_a_bar_on_a_terminal_and_now_and_then_a_line_elsewhere(
    *, is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = StringIO()
    console = Console(file=shown, force_terminal=is_terminal, width=80)
    monkeypatch.setattr("services.cli.output.out", lambda: console)

    with watched() as tell:
        for count in (250, 250, 500):
            tell(f"{count} leads read [so] far")

    assert ("500 leads read [so] far" in shown.getvalue()) is is_terminal
    assert capsys.readouterr().out == ("" if is_terminal else "250 leads read [so] far\n")


# rules -----------------------------------------------------------------------------------------

RULE = "rules: [{id: a, stages: [{pipeline: 7000001, stage: 61000003}], participants: [%s]}]"
WRONG_RULES = [
    ("participants with an unknown schedule", RULE % "{manager: 501, schedule: night}", 2, "night"),
    ("a negative coefficient", RULE % "{manager: 501, coefficient: -1}", 2, "coefficient"),
    ("an unknown stage", RULE.replace("61000003", "5") % "{manager: 501}", 2, "stage"),
    (
        "overlapping hours",
        'schedules: {o: {weekly: {mon: ["09:00-13:00", "12:00-18:00"]}}}\n'
        + RULE % "{manager: 501}",
        2,
        "schedules.o.weekly.mon",
    ),
    ("an unknown field", RULE % "{manager: 501, koefficient: 2}", 2, "koefficient"),
    ("no YAML", "rules: [", 3, ""),
    ("no text", "\0", 2, ""),
]


@pytest.mark.parametrize(
    ("text", "line", "field"), [row[1:] for row in WRONG_RULES], ids=[row[0] for row in WRONG_RULES]
)
def test_rules_apply_names_line_and_field_and_changes_nothing(
    here: Here, text: str, line: int, field: str
) -> None:
    before = here.say("rules", "show").out
    file = here.file("wrong.yaml", f"version: 1\n{text}\n")

    said = here.say("rules", "apply", file)

    assert said.error.startswith(f"{file} is not applied:\nline {line}")
    assert field in said.error
    assert here.say("rules", "show").out == before


def test_rules_apply_names_a_file_that_cannot_be_read(here: Here) -> None:
    assert here.say("rules", "apply", here.folder / "none.yaml").error.endswith(
        "none.yaml: No such file or directory"
    )
    assert here.say("rules", "apply", here.folder).error.endswith("Is a directory")
    assert here.say("rules", "apply").status == 2


def test_rules_that_are_shown_are_those_in_force(here: Here) -> None:
    shown = here.say("rules", "show")
    file = here.file("shown.yaml", shown.out)

    again = here.say("rules", "apply", file)

    assert shown.out.startswith("# Revision 1, applied by ")
    assert (again.status, again.out) == (0, "These rules are already in force.\n")


# people ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("until_", ["noon", "25:99", "2026-13-01T10:00", "15", "12:00:00:00"])
def test_pause_refuses_an_end_that_is_none(here: Here, until_: str) -> None:
    said = here.say("pause", 502, "--until", until_)

    expected = "a time like 15:00, or a date and time like 2026-12-01T15:00"
    assert said.error == f'--until: Expected {expected}, got "{until_}".'


def test_pause_refuses_the_past_and_strangers(here: Here) -> None:
    assert "must end in the future" in here.say("pause", 502, "--until", "2020-01-01T10:00").error
    assert "user 9999 is not an active user" in here.say("pause", 9999).error
    assert here.say("pause", "ana").status == 2
    assert here.say("pause", BEYOND).status == 2
    assert here.say("resume", 0).status == 2


def test_a_pause_and_its_end_twice_say_so(here: Here) -> None:
    words = ("pause", 503, "--until", "2099-01-01T15:00", "--reason", "sabbatical")

    answers = [here.say(*words), here.say(*words), here.say("resume", 503), here.say("resume", 503)]

    assert [(said.status, said.out, said.err) for said in answers] == [
        (0, "Carla Mendes is paused until 2099-01-01 15:00 UTC-3.\n", ""),
        (0, "Carla Mendes was already paused like that.\n", ""),
        (0, "Carla Mendes takes leads again.\n", ""),
        (0, "Carla Mendes was not paused.\n", ""),
    ]


# explain ---------------------------------------------------------------------------------------


def test_explain_of_a_lead_that_nothing_was_decided_about(here: Here) -> None:
    said = here.say("explain", 1)

    assert said.error == "Nothing was ever decided about lead 1."
    assert here.say("explain", BEYOND).status == 2


def test_explain_tells_why_a_lead_went_where_it_went(here: Here) -> None:
    lead_id = here.assigned_lead()
    owner = here.do(here.system.owners())[lead_id]

    async def is_told() -> bool:
        return (await asyncio.to_thread(here.say, "explain", lead_id)).status == 0

    here.do(until(is_told))  # the feed of decisions follows a moment later
    said = here.say("explain", lead_id)

    assert (said.status, said.err) == (0, "")
    assert f"{lead_id}" in said.out.splitlines()[0]
    names = {501: "Ana", 502: "Bruno", 503: "Carla", 504: "Diego", 505: "Elena", 506: "Felipe"}
    assert names.get(owner, "") in said.out
    assert "decided again from what it recorded: the same decision." in said.out


# undo ------------------------------------------------------------------------------------------


def test_D6_4_undo_shows_what_it_would_do_does_it_once_and_says_so(here: Here) -> None:
    lead_id = here.assigned_lead()

    async def owner() -> int:
        return (await here.system.owners())[lead_id]

    async def is_known() -> bool:
        return (await asyncio.to_thread(here.say, "undo", lead_id)).status == 0

    here.do(until(is_known))
    manager_id = here.do(owner())
    shown = here.say("undo", lead_id)
    assert shown.out.splitlines()[0].startswith("Decision ")
    assert shown.out.splitlines()[1].endswith("-> Vera Lindqvist")
    assert shown.out.splitlines()[2] == (
        "Nothing was changed. To put this back, repeat the command with --yes."
    )
    assert here.do(owner()) == manager_id

    async def is_settled() -> bool:
        # The decision may still be on its way to the log.
        return (await asyncio.to_thread(here.say, "undo", lead_id, "--yes")).status == 0

    here.do(until(is_settled))
    assert here.do(owner()) == ADMIN_ID

    async def is_over() -> bool:
        return (await asyncio.to_thread(here.say, "undo", lead_id)).status == 1

    here.do(until(is_over))
    again = here.say("undo", lead_id, "--yes")
    assert again.error.endswith("can be put back.")
    told = here.say("explain", lead_id).out
    assert "put request" in told
    assert f"Lead {lead_id} went from" in told


def test_D6_4_undo_names_what_it_does_not_know(here: Here) -> None:
    lead_id = here.assigned_lead()

    async def is_known() -> bool:
        return (await asyncio.to_thread(here.say, "undo", lead_id)).status == 0

    here.do(until(is_known))
    unknown = here.say("undo", 1)
    other = here.say("undo", lead_id, "--decision", "1.1")

    assert unknown.error == "No decision gave lead 1 to anybody."
    known = f"No decision 1.1 gave lead {lead_id} to anybody. Known: {lead_id}."
    assert other.error.startswith(f"--decision: {known}")
    assert here.say("undo", BEYOND).status == 2


# projections -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [projection.NAME for projection in PROJECTIONS])
def test_every_projection_is_rebuilt_beside_the_live_one(here: Here, name: str) -> None:
    before = here.do(_read_events(here))
    said = here.say("projections", "rebuild", name)
    after = here.do(_read_events(here))

    assert (said.status, said.err) == (0, "")
    told = re.fullmatch(rf"{name} is rebuilt from (\d+) events\.\n", said.out)
    assert told is not None
    assert 0 < before <= int(told[1]) <= after


def test_an_unknown_projection_is_answered_with_the_known_ones(here: Here) -> None:
    said = here.say("projections", "rebuild", "shares")

    assert said.error.startswith('There is no projection "shares". Known: assignments, linked,')


# dead letters ----------------------------------------------------------------------------------


def test_dead_letters_are_listed_shown_retried_and_dropped(here: Here) -> None:
    secret = here.system.hook_url.get_secret_value()
    lead_id = here.assigned_lead()
    form = f"leads[status][0][id]={lead_id}&leads[status][0][status_id]=oops[bold]"
    answer = httpx.post(secret, content=form, headers={"content-type": FORM})
    broken = _published(here, b"\xff not JSON")
    assert answer.status_code == 200

    listed = here.say("dead", "list")
    shown = here.say("dead", "show", broken)
    tried = here.say("dead", "retry", broken)
    dropped = here.say("dead", "drop", broken, "--reason", "a test")

    assert listed.status == 0
    assert f"inbound/{here.system.account_id}" in listed.out
    assert (shown.status, "expected JSON" in shown.out) == (0, True)
    assert tried.error.startswith(f"Dead letter {broken} is still not understood: ")
    assert (dropped.status, dropped.out) == (0, f"Dead letter {broken} is dropped.\n")
    for word in ("drop", "retry"):
        assert here.say("dead", word, broken).error == f"Dead letter {broken} was dropped before."


def test_a_dead_letter_that_is_understood_by_now_is_published_once(here: Here) -> None:
    lead_id = here.assigned_lead()
    body = (
        f"leads[status][0][id]={lead_id}&leads[status][0][status_id]={NEW_REQUEST}"
        f"&leads[status][0][pipeline_id]={SALES}&account[id]={here.system.account_id}"
    )
    letter = here.do(_keep(here.data, here.system.account_id, body.encode()))

    first, second = here.say("dead", "retry", letter), here.say("dead", "retry", letter)

    assert (first.status, first.out) == (0, "1 message is published again.\n")
    assert second.error == f"Dead letter {letter} was published again before."


def test_bodies_are_counted_shown_and_read_again(here: Here) -> None:
    lead_id = here.assigned_lead()
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    async def written() -> bool:
        return f"={lead_id}" in (await asyncio.to_thread(shown)).out

    def shown() -> Said:
        return here.say("bodies", "show", "--from", hour_ago)

    here.do(until(written))
    assert "UTC, application/x-www-form-urlencoded" in shown().out
    listed = here.say("bodies", "list")
    assert (listed.status, "hour (UTC)" in listed.out) == (0, True)
    kept = here.say("bodies", "replay", "--from", hour_ago, typed="n\n")
    again = here.say("bodies", "replay", "--from", hour_ago, "--yes")
    assert (kept.status, "published" in kept.out) == (0, False)
    assert re.match(r"\d+ messages are published again, from \d+ bodies", again.out)
    assert here.say("bodies", "list", "--to", "2026-01-01").out == "No bodies.\n"


def test_S20_a_dead_letter_does_not_steer_the_terminal(here: Here) -> None:
    letter = here.do(_keep(here.data, here.system.account_id, STEERING.encode(), STEERING))

    listed, shown = here.say("dead", "list"), here.say("dead", "show", letter)
    here.say("dead", "drop", letter, "--reason", "a test")

    for said in (listed, shown):
        assert (said.status, "\x1b" in said.out, "\u202e" in said.out) == (0, False, False)
        assert "\\u001b[31mred" in said.out
    assert "\n| \\u0009two :warning: [bold]\n" in shown.out


def test_a_dead_letter_that_does_not_exist(here: Here) -> None:
    for word in ("show", "retry", "drop"):
        error = here.say("dead", word, 10**15).error
        assert error == f"There is no dead letter {10**15}.\nSee: fairlead dead list"
        assert here.say("dead", word, BEYOND).status == 2


@pytest.mark.parametrize("words", [("list",), ("history",), ("resume", 3)])
def test_F22_an_installation_without_kafka_has_no_gaps(here: Here, words: tuple[object]) -> None:
    assert here.say("gaps", *words).error.startswith("This installation is not on Kafka. ")


# doctor ----------------------------------------------------------------------------------------


def test_doctor_finds_everything_well_and_then_a_dead_letter(here: Here) -> None:
    here.assigned_lead()
    _drop_all(here)

    async def is_well() -> bool:
        return (await asyncio.to_thread(here.say, "doctor")).status == 0

    here.do(until(is_well))
    letter = _published(here, b"?")
    ill = here.say("doctor")
    here.say("dead", "drop", letter, "--reason", "a test")

    assert ill.status == 1
    assert "look at them: fairlead dead list" in ill.out


# accounts --------------------------------------------------------------------------------------


def test_an_account_that_is_not_connected(here: Here) -> None:
    for words in (("rules", "show"), ("pause", 501), ("explain", 7)):
        said = here.say(*words, "--account", 5)
        assert said.error == "Account 5 is not connected.\nSee: fairlead doctor"


@pytest.mark.server
def test_no_account_and_several_accounts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(_add_accounts(data))
    none = command(data, "rules", "show")
    asyncio.run(_add_accounts(data, 7, 8))
    several = command(data, "rules", "show")
    named = command(data, "rules", "show", "--account", 8)

    assert none.error == "No account is connected yet.\nSee: fairlead connect --help"
    assert several.error == (
        "Several accounts are connected, so one has to be named: 7, 8.\nSee: --account ID"
    )
    assert named.error == "No rules are in force yet.\nSee: fairlead rules apply --help"


@pytest.mark.parametrize(
    "words",
    [
        ("rules", "apply", "pyproject.toml"),
        ("rules", "show"),
        ("pause", 501),
        ("resume", 501),
        ("explain", 7),
        ("projections", "rebuild", "loads"),
        ("dead", "list"),
        ("dead", "show", 1),
        ("dead", "retry", 1),
        ("dead", "drop", 1),
        ("doctor",),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_a_mistyped_data_folder_does_not_become_an_installation(
    tmp_path: Path, words: tuple[object, ...]
) -> None:
    data = tmp_path / "a b"

    said = command(data, *words)

    assert said.error == f"no installation in {data}; start one: fairlead up --data '{data}'"
    assert list(tmp_path.iterdir()) == []


# secrets ---------------------------------------------------------------------------------------


def test_S3_S19_no_secret_is_in_any_output_or_file(here: Here) -> None:
    token = here.system.kommo.token_file.read_text()
    secret = here.system.hook_url.get_secret_value().rstrip("/").rsplit("/", 1)[1]
    lead_id = here.assigned_lead()
    httpx.post(here.system.hook_url.get_secret_value(), content=b"\xff", headers={"x": secret})
    said = [
        here.say("doctor"),
        here.say("rules", "show"),
        here.say("explain", lead_id),
        here.say("dead", "list"),
        here.say("pause", 501, "--until", token),
        here.say("connect", f"https://{token}", "--token-file", here.system.kommo.token_file),
        process(here.data, "doctor"),
        process(here.data, "explain", lead_id),
    ]
    _drop_all(here)

    texts = [text for one in said[:4] + said[6:] for text in (one.out, one.err)]
    texts.append(here.system.fairlead.log())
    assert [text for text in texts if token in text or secret in text] == []
    files = [path for path in here.data.rglob("*") if path.is_file()]
    assert files
    assert [f.name for f in files if token.encode() in f.read_bytes()] == []
    assert [f.name for f in files if secret.encode() in f.read_bytes()] == []


FORM = "application/x-www-form-urlencoded"
STEERING = "\x1b[31mred\x1b]0;title\x07 \u202e\n\ttwo :warning: [bold]"


def _published(here: Here, value: bytes) -> int:
    """The dead letter that an unreadable message of the inbound log becomes."""

    async def publish() -> int:
        async with open_installation(here.data) as installation:
            before = await installation.dead_letters.page(limit=1)
            newest = before[0].id if before else 0
            await installation.log.publish([Entry(here.system.account_id, value)])

            async def is_kept() -> bool:
                page = await installation.dead_letters.page(limit=1)
                return bool(page) and page[0].id > newest and page[0].body == value

            await until(is_kept)
            return (await installation.dead_letters.page(limit=1))[0].id

    letter_id: int = here.do(publish())
    return letter_id


async def _read_events(here: Here) -> int:
    """How many there are, all of them in every projection."""
    async with open_installation(here.data) as installation:

        async def is_read() -> bool:
            return not any((await lag(installation.pool, installation.events)).values())

        await until(is_read)
        return await installation.events.head(here.system.account_id)


async def _keep(
    data: Path, account_id: int, body: bytes, reason: str = "of a release that knew no better"
) -> int:
    letter = _letter(account_id, body, reason)
    async with open_installation(data) as installation:
        await installation.dead_letters.keep([letter])
        return (await installation.dead_letters.page(limit=1))[0].id


def _letter(account_id: int, body: bytes, reason: str) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        source="webhook",
        position=None,
        reason=reason,
        content_type=FORM,
        body=body,
    )


def _drop_all(here: Here) -> None:
    async def drop() -> None:
        async with open_installation(here.data) as installation:
            for letter in await installation.dead_letters.page(limit=1_000):
                await installation.dead_letters.settle(
                    letter.id, "dismissed", by="cli:root", why="a test"
                )

    here.do(drop())


async def _add_accounts(data: Path, *account_ids: int) -> None:
    async with open_installation(data) as installation:
        for account_id in account_ids:
            await installation.accounts.add(
                account_id,
                subdomain=f"a{account_id}",
                base_url=f"https://a{account_id}.kommo.com",
                token=SecretStr(secrets.token_urlsafe(8)),
                webhook_secret=SecretStr(secrets.token_urlsafe(8)),
                timezone="UTC",
            )
