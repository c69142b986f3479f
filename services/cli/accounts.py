"""Commands about which Kommo accounts are connected."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.files import read
from services.cli.group import group
from services.cli.opening import (
    AccountDesk,
    Desk,
    complete,
    for_account,
    for_installation,
    whoever_is_here,
)
from services.cli.options import DATA, AccountId, AsJson, Data
from services.cli.output import ask_secret, fail, say, say_all, show_table
from services.cli.speech import words

if TYPE_CHECKING:
    from services.application.connect import Connected
    from services.application.installation import Installation
    from services.application.overview import AccountOverview

app = group()

TOKEN_BYTES_MAX = 16_384

PublicUrl = Annotated[
    str,
    typer.Option(
        help="Where Kommo reaches this installation; default: FAIRLEAD_PUBLIC_URL, else where it"
        " listens."
    ),
]


@app.command()
def accounts(*, as_json: AsJson = False, data: Data = DATA) -> None:
    """List the connected accounts, those in trouble first."""

    async def work(desk: Desk) -> None:
        from datetime import UTC, datetime

        from services.application.overview import overview
        from services.cli.documents import show_json

        found = await overview(desk.installation, desk.principal, now=datetime.now(UTC))
        if as_json:
            show_json(found)
            return
        show_table(
            (
                "account",
                "name",
                "trouble",
                "given in 24 h",
                "waiting",
                "not in Kommo yet",
                "furthest from fair",
                "last webhook",
                "last given",
            ),
            (_row(desk, each) for each in found),
        )

    for_installation(data, work)


def _row(desk: Desk, found: "AccountOverview") -> tuple[object, ...]:
    troubles = [desk.text(sentence(f"accounts.trouble.{each}")) for each in found.troubles]
    return (
        found.account_id,
        found.subdomain,
        "; ".join(troubles),
        found.given,
        found.waiting,
        found.pending,
        desk.text(sentence("cell.leads", units=found.deviation_units)),
        *(
            "" if at is None else desk.text(sentence("cell.minute", at=at))
            for at in (found.heard_at, found.decided_at)
        ),
    )


@app.command()
def connect(
    address: Annotated[str, typer.Argument(help="Of the account: https://acme.kommo.com")],
    public_url: PublicUrl = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File with a long-lived token; else it is asked for.")
    ] = None,
    data: Data = DATA,
) -> None:
    """Connect a Kommo account.

    The token is checked and kept sealed, and the webhooks are subscribed.
    """
    token = token_from(token_file)

    async def work() -> None:
        from pydantic import SecretStr

        from services.application.connect import connect
        from services.runtime.installation import open_installation

        async with open_installation(data) as installation:
            found = await connect(
                installation,
                whoever_is_here(),
                base_url=address,
                token=SecretStr(token),
                public_url=_receives_at(installation, public_url),
            )
            say_all(words().lines(_connected(found)))
            say(found.hook_url.get_secret_value())
            if found.is_anew:
                say(words().say(sentence("connect.anew")))

    complete(work())


def _receives_at(installation: "Installation", public_url: str) -> str:
    """The address that is named, or the settings name, or else the one of what runs here."""
    from services.application.refused import Refused

    running = installation.running() or {}
    receives_at: str = public_url or installation.public_url or running.get("address", "")
    if not receives_at:
        raise Refused("nothing_receives")
    return receives_at


def _connected(found: "Connected") -> Iterator[Sentence]:
    yield sentence("connect.done", account=found.account_id, name=found.name, zone=found.timezone)
    yield sentence("connect.counted", users=found.users, stages=found.stages)
    yield sentence("connect.address_follows")


@app.command("rotate-address")
def rotate_address(
    public_url: PublicUrl = "",
    overlap_hours: Annotated[
        int,
        typer.Option(
            min=0,
            max=720,
            help="How long the previous address works on; 0 if somebody else has learnt it.",
        ),
    ] = 72,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Give an account a new address for its webhooks.

    It is a secret. Put it into every trigger of the Digital Pipeline as well.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.addresses import rotate_address

        rotated = await rotate_address(
            desk.installation,
            desk.account,
            desk.principal,
            public_url=_receives_at(desk.installation, public_url),
            overlap_s=overlap_hours * 3_600,
        )
        desk.tell(sentence("address.rotated"))
        say(rotated.hook_url.get_secret_value())
        if rotated.former_until is None:
            desk.tell(sentence("address.former_ended"))
        else:
            desk.tell(sentence("address.former_until", until=rotated.former_until))

    for_account(data, account, work)


def token_from(file: Path | None) -> str:
    """The token, of a file or typed unseen."""
    text = (
        ask_secret("Long-lived token")
        if file is None
        else read(file, bytes_max=TOKEN_BYTES_MAX).decode("utf-8", "replace")
    ).strip()
    if not (text and text.isascii() and text.isprintable()) or " " in text:
        where = "the token" if file is None else f"--token-file: {file}"
        fail(f"{where}: expected one word of letters, digits and signs")
    return text
