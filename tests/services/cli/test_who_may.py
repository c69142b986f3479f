"""`fairlead access`: people, links and keys, as somebody at the machine gives them (W7)."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TypeVar, get_args

import pytest
from pydantic import SecretStr

from services.access.grants import Rights
from services.access.key_text import parse_key
from services.access.keys import DAYS, DAYS_MAX
from services.access.people import Person
from services.access.roles import Role
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.joining import come_back, join
from services.cli import access_keys
from services.cli.who_may import RoleName
from services.runtime.installation import open_installation
from tests.services.cli.conftest import Here, Said

T = TypeVar("T")

PASSWORD = "tulip gravel orbit"  # noqa: S105 - nobody's
NOBODY = Caller(whence="192.0.2.9", request_id="r9")


@pytest.fixture(autouse=True)
def _nobody_has_joined(here: Here) -> Iterator[None]:
    """Each test begins, and leaves, an installation that nobody keeps."""
    yield

    async def forget(access: Access) -> None:
        await access.pool.execute("TRUNCATE people, invitations, access_keys CASCADE")

    with_access(here, forget)


def with_access(here: Here, work: Callable[[Access], Awaitable[T]]) -> T:
    """Do something as whoever serves people would."""

    async def opened() -> T:
        async with open_installation(here.data, connections=2) as installation:
            return await work(installation.who_may())

    found: T = here.do(opened())
    return found


def token_of(said: Said) -> str:
    assert said.status == 0, said
    found = re.search(r"^http://localhost:\d+/join#([\w-]{43})$", said.out, re.MULTILINE)
    assert found is not None, said.out
    return found[1]


def joins(here: Here, token: str, login: str = "ana@example.com") -> Person:
    said = {"name": "Ana Lima", "login": login, "password": PASSWORD, "language": "en"}
    return with_access(here, partial(join, token=token, caller=NOBODY, **said))


def test_the_first_link_is_for_whoever_keeps_the_installation(here: Here) -> None:
    assert "Nobody has joined yet" in here.say("access", "list").out
    first = joins(here, token_of(here.say("access", "invite")))

    listed = here.say("access", "list").out
    assert "ana@example.com" in listed
    assert "administrator everywhere, operator" in listed
    assert here.say("access", "invite").error.startswith("--role: ")
    assert [each.role for each in first.grants] == ["administrator", "operator"]


def test_a_role_is_given_by_link_and_taken_away_by_hand(here: Here) -> None:
    joins(here, token_of(here.say("access", "invite")))
    account = here.system.account_id
    link = here.say("access", "invite", "Ivo", "--role", "supervisor")
    assert "Ivo" in here.say("access", "list").out
    ivo = joins(here, token_of(link), "ivo@example.com")
    assert [(each.role, each.account_id) for each in ivo.grants] == [("supervisor", account)]

    given = here.say("access", "grant", "ivo@example.com", "manager", "--manager", 501)
    again = here.say("access", "grant", ivo.id, "manager", "--manager", 501)
    taken = here.say("access", "revoke", "IVO@example.com", "--role", "supervisor")

    assert given.out == f"Ana Lima is manager in {account} as 501.\n"
    assert again.out == f"Ana Lima is manager in {account} as 501, as before.\n"
    assert taken.out == f"Ana Lima is no longer supervisor in {account}.\n"
    people = json.loads(here.say("access", "list", "--json").out)["people"]
    assert [each["role"] for each in people[1]["grants"]] == ["manager"]
    log = here.say("access", "log", ivo.id).out
    assert all(word in log for word in ("invitation used", "granted", "revoked", "supervisor"))


def test_somebody_is_let_in_no_more_and_again_and_forgotten(here: Here) -> None:
    joins(here, token_of(here.say("access", "invite")))
    link = here.say("access", "invite", "--role", "viewer", "--everywhere")
    ivo = joins(here, token_of(link), "ivo@example.com")

    assert here.say("access", "revoke", ivo.id, "--yes").out == "Ana Lima is let in no more.\n"
    assert "let in no more" in here.say("access", "list").out
    assert here.say("access", "reset", ivo.id).error.startswith("They are disabled")
    assert "let in again" in here.say("access", "enable", ivo.id).out
    assert here.say("access", "erase", ivo.id, "--yes").out == f"person:{ivo.id} is forgotten.\n"

    assert "ivo@example.com" not in here.say("access", "list").out
    assert here.say("access", "enable", ivo.id).error.startswith("PERSON: ")
    last = here.say("access", "revoke", "ana@example.com", "--yes")
    assert last.error.startswith("They are the last operator")


def test_a_reset_lets_somebody_in_again(here: Here) -> None:
    joins(here, token_of(here.say("access", "invite")))
    token = token_of(here.say("access", "reset", "ana@example.com"))

    person = with_access(here, partial(come_back, token=token, password=PASSWORD, caller=NOBODY))

    assert person.login == "ana@example.com"
    assert here.say("access", "sessions", person.id).out == "Ana Lima is not signed in.\n"


def test_S22_whoever_asks_what_is_kept_about_them_is_told_all(here: Here) -> None:
    person = joins(here, token_of(here.say("access", "invite")))

    told = json.loads(here.say("access", "about", "ana@example.com").out)

    assert (told["person"]["name"], told["person"]["login"]) == ("Ana Lima", "ana@example.com")
    assert (told["has_password"], told["has_app"], told["recovery_codes_left"]) == (True, False, 0)
    assert [each["what"] for each in told["deeds"]] == ["invitation_used"]
    assert [told[name] for name in ("sessions", "keys", "passkeys", "looks")] == [[]] * 4
    assert PASSWORD not in json.dumps(told)
    assert here.say("access", "about", person.id + 1).error.startswith("PERSON: ")


def test_a_link_is_withdrawn(here: Here) -> None:
    said = here.say("access", "invite", "--role", "viewer")
    (number,) = re.findall(r"^Link (\d+),", said.out)

    assert here.say("access", "withdraw", number).out == f"Link {number} is over.\n"

    assert here.say("access", "withdraw", number).error.startswith("This link is over")
    assert "There is no such link." in here.say("access", "withdraw", 999_999).error


def test_sessions_are_shown_and_ended(here: Here) -> None:
    person = joins(here, token_of(here.say("access", "invite")))

    async def sign_in(access: Access) -> None:
        await access.sessions.begin(
            person.id, how="password", whence="192.0.2.7", agent="Fire\x1b[31mfox"
        )

    with_access(here, sign_in)

    shown = here.say("access", "sessions", person.id).out
    assert "192.0.2.7" in shown
    assert "Fire\\u001b[31mfox" in shown
    ended = here.say("access", "sessions", person.id, "--end")
    assert ended.out == "Ana Lima is signed out: 1 session ended.\n"
    assert json.loads(here.say("access", "sessions", person.id, "--json").out) == []


def test_a_key_is_made_used_rotated_and_revoked(here: Here) -> None:
    made = here.say("access", "keys", "create", "nightly export", "--scope", "read", "--days", 30)
    text = made.out.strip()
    key = parse_key(text)
    assert key is not None
    assert f"Key {key.id}, read, valid until " in made.err

    assert resolved(here, text)
    listed = here.say("access", "keys", "list").out
    assert "nightly export" in listed
    assert text not in listed
    fresh = here.say("access", "keys", "rotate", key.id).out.strip()
    assert (resolved(here, text), resolved(here, fresh), fresh != text) == (True, True, True)
    assert here.say("access", "keys", "revoke", fresh).out == f"Key {key.id} is revoked.\n"
    assert (resolved(here, text), resolved(here, fresh)) == (False, False)
    again = here.say("access", "keys", "revoke", key.id)
    assert again.out == f"Key {key.id} was revoked before.\n"
    assert here.say("access", "keys", "rotate", key.id).error.startswith("This key is not valid")
    (told,) = json.loads(here.say("access", "keys", "list", "--json").out)
    assert (told["scopes"], told["id"]) == (["read"], key.id)


def resolved(here: Here, text: str) -> bool:
    return with_access(here, lambda access: access.keys.resolve(text)) is not None


def test_a_key_of_the_installation_is_none_of_an_account(here: Here) -> None:
    made = here.say("access", "keys", "create", "monitor", "--installation", "--scope", "operate")

    assert parse_key(made.out.strip()) is not None
    assert here.say("access", "keys", "list").out.startswith("No keys.")
    assert "monitor" in here.say("access", "keys", "list", "--installation").out


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("keys create x --scope root", "--scope: Expected some of "),
        ("keys create x --account 5", "Account 5 is not connected"),
        ("keys create x --account 5 --installation", "--installation: "),
        ("keys revoke nosuchkey", "There is no such key."),
        ("keys rotate fl_", "There is no such key."),
        ("grant nobody@example.com viewer", "PERSON: There is no such person."),
        ("grant 99999999999999999999 viewer", "PERSON: There is no such person."),
        ("reset nobody@example.com", "PERSON: There is no such person."),
        ("log 7", "PERSON: There is no such person."),
        ("invite --role manager", "--manager: "),
        ("invite --role viewer --account 5", "Account 5 is not connected"),
        ("invite --role viewer --account 5 --everywhere", "--everywhere: "),
        ("invite --role operator --account 32000001", "--account: "),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_field(
    here: Here, command: str, told: str
) -> None:
    said = here.say("access", *command.split())

    assert told in said.error or said.error.startswith(told)


@pytest.mark.parametrize(
    "command",
    [
        "keys create",
        "keys create x --days 0",
        "keys create x --days 401",
        "keys create x --days ever",
        "grant 1 emperor",
        "grant 1 viewer --account 0",
        "grant 1 manager --manager -1",
        "withdraw all",
        "log 1 --limit 0",
    ],
)
def test_what_cannot_be_meant_is_not_begun(here: Here, command: str) -> None:
    said = here.say("access", *command.split())

    assert (said.status, said.out) == (2, "")


def test_a_label_is_refused_by_its_name(here: Here) -> None:
    assert here.say("access", "keys", "create", " ").error.startswith("LABEL: ")
    assert here.say("access", "invite", "x" * 101, "--role", "viewer").error.startswith("NAME: ")


def test_the_command_knows_the_roles_and_bounds_as_they_are() -> None:
    assert tuple(RoleName) == get_args(Role)
    assert (access_keys.DAYS, access_keys.DAYS_MAX) == (DAYS, DAYS_MAX)


def test_S19_no_key_shows_in_what_is_logged(here: Here) -> None:
    made = here.say("access", "keys", "create", "nightly export")
    key = parse_key(made.out.strip())

    assert key is not None
    assert key.secret not in made.err
    assert key.secret not in repr(SecretStr(made.out))
    assert Whoever(id="cli:root", rights=Rights(), whence="", request_id="").key is None
