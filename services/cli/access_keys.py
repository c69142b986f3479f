"""`fairlead access keys`: keys of programs that use the API."""

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import Desk, caller_here, for_installation
from services.cli.options import DATA, ID_MAX, AsJson, Data
from services.cli.output import fail, note, say, show_table

if TYPE_CHECKING:
    from datetime import datetime

    from services.access.keys import AccessKey

app = group("Keys of programs that use the API.")

DAYS = 90
DAYS_MAX = 400

KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its id, the part after `fl_`.")]
AccountOption = Annotated[
    int | None,
    typer.Option(
        "--account", min=1, max=ID_MAX, help="Of which account; the only one, if there is one."
    ),
]
OfInstallation = Annotated[
    bool, typer.Option("--installation", help="Of the installation: every account, and itself.")
]


@app.command()
def create(
    label: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="What it may: read, explain, audit, activity, rules, ledger, export, access,"
            " operate. Several times for several.",
        ),
    ] = ["read"],  # noqa: B006 - typer's way to say it; nothing changes it
    account: AccountOption = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=DAYS_MAX, help="How long it is valid.")
    ] = DAYS,
    data: Data = DATA,
    *,
    installation: OfInstallation = False,
) -> None:
    """Make a key and print it; nobody can see it again.

    It goes into the header `Authorization: Bearer KEY`.
    """

    async def work(desk: Desk) -> None:
        from services.application.people.keys import make_key

        where = await _where(desk, account, installation=installation)
        key, text = await make_key(
            desk.installation.who_may(),
            caller_here(),
            label=label,
            account_id=where,
            scopes=scope,  # type: ignore[arg-type] # seen to there
            days=days,
        )
        note(f"Key {key.id}, {_scopes(key)}, valid until {_when(desk, key.expires_at)}:")
        say(text.get_secret_value())

    for_installation(data, work)


@app.command(name="list")
def list_keys(
    account: AccountOption = None,
    data: Data = DATA,
    *,
    installation: OfInstallation = False,
    as_json: AsJson = False,
) -> None:
    """Show the keys of an account, or of the installation, without their secrets."""

    async def work(desk: Desk) -> None:
        from services.application.people.keys import keys
        from services.cli.documents import show_json

        is_named = account is not None and not installation  # also one that is disconnected
        where = account if is_named else await _where(desk, account, installation=installation)
        found = await keys(desk.installation.who_may(), caller_here(), where)
        if as_json:
            show_json(found)
        elif found:
            head = ("key", "for", "may", "made by", "until", "last used", "")
            show_table(head, (_row(desk, each) for each in found))
        else:
            say("No keys. Make one: fairlead access keys create --help")

    for_installation(data, work)


@app.command()
def rotate(key: KeyId, data: Data = DATA) -> None:
    """Print a new secret for a key; the one of before works for a day more."""

    async def work(desk: Desk) -> None:
        from services.application.people.keys import rotate_key

        rotated, text = await rotate_key(desk.installation.who_may(), caller_here(), _id(key))
        note(
            f"Key {rotated.id}, {_scopes(rotated)}, valid until"
            f" {_when(desk, rotated.expires_at)}; the one of before until"
            f" {_when(desk, rotated.former_until or rotated.expires_at)}:"
        )
        say(text.get_secret_value())

    for_installation(data, work)


@app.command()
def revoke(key: KeyId, data: Data = DATA) -> None:
    """End a key at once."""

    async def work(desk: Desk) -> None:
        from services.application.people.keys import revoke_key

        before = await revoke_key(desk.installation.who_may(), caller_here(), _id(key))
        is_over = before.revoked_at is not None
        say(f"Key {before.id} {'was revoked before' if is_over else 'is revoked'}.")

    for_installation(data, work)


async def _where(desk: Desk, account: int | None, *, installation: bool) -> int | None:
    if installation and account is not None:
        fail("--installation: Expected without --account.")
    return None if installation else (await desk.installation.account(account)).account_id


def _id(said: str) -> str:
    """The id, also out of a whole key, which nobody should have to take apart."""
    from services.access.key_text import parse_key

    whole = parse_key(said)
    return said if whole is None else whole.id


def _row(desk: Desk, key: "AccessKey") -> tuple[object, ...]:
    return (
        key.id,
        key.label,
        _scopes(key),
        key.made_by,
        _when(desk, key.expires_at),
        "never" if key.last_used_at is None else _when(desk, key.last_used_at),
        "" if key.revoked_at is None else f"revoked by {key.revoked_by}",
    )


def _scopes(key: "AccessKey") -> str:
    return " ".join(sorted(key.scopes))


def _when(desk: Desk, at: "datetime") -> str:
    return desk.text(sentence("cell.instant", at=at))
