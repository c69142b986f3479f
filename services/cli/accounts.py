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
from services.cli.options import DATA, AccountId, AsJson, Data, Yes
from services.cli.output import ask, ask_secret, fail, say, say_all, show_table, watched
from services.cli.speech import words

if TYPE_CHECKING:
    from pydantic import SecretStr

    from services.application.baseline import Baseline
    from services.application.connect import Connected
    from services.application.installation import Installation
    from services.application.overview import AccountOverview

app = group()
accounts = group("Show the connected accounts, and disconnect one.")
app.add_typer(accounts, name="accounts")

TOKEN_BYTES_MAX = 16_384

PublicUrl = Annotated[
    str,
    typer.Option(
        help="Where Kommo reaches this installation; default: FAIRLEAD_PUBLIC_URL, else where it"
        " listens."
    ),
]


@accounts.command("list")
def list_(*, as_json: AsJson = False, data: Data = DATA) -> None:
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


@accounts.command()
def show(account: AccountId = None, data: Data = DATA) -> None:
    """Show how an account and Fairlead are connected, and what to do."""

    async def work(desk: AccountDesk) -> None:
        from datetime import UTC, datetime

        from services.application.connection import connection_of, diagnoses_of
        from services.cli.doctor import row_of

        one = desk.account
        found = await connection_of(desk.installation, one, desk.principal, now=datetime.now(UTC))
        desk.tell(
            sentence(
                "accounts.one", account=one.account_id, address=one.base_url, zone=one.timezone
            )
        )
        show_table(("what", "found", "to do"), (row_of(desk, each) for each in diagnoses_of(found)))
        desk.tell(
            sentence(
                "accounts.hooks",
                hooks=tuple(
                    sentence("accounts.hook_never", kind=sentence(f"hook.kind.{kind}"))
                    if at is None
                    else sentence("accounts.hook", kind=sentence(f"hook.kind.{kind}"), at=at)
                    for kind, at in found.hooks.items()
                ),
            )
        )
        desk.tell(
            sentence("accounts.users", users=found.users, administrators=found.administrators)
        )

    for_account(data, account, work)


@accounts.command()
def disconnect(
    account: AccountId = None,
    *,
    erase: Annotated[
        bool,
        typer.Option("--erase", help="Names of people, texts about them and raw bodies go, too."),
    ] = False,
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Disconnect an account: no more webhooks, tokens destroyed; asks first.

    Its history stays, and connected again it goes on. With --erase what is about people goes;
    events stay, which hold ids and outcomes only.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application import disconnecting

        if not (yes or ask(f"Disconnect account {desk.account.account_id}?")):
            return
        done = await disconnecting.disconnect(
            desk.installation, desk.account, desk.principal, erases=erase
        )
        for line in disconnecting.told_of(desk.account, done):
            desk.tell(line)

    for_account(data, account, work)


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
        Path | None,
        typer.Option(help="File with the token, or with the code; else it is asked for."),
    ] = None,
    integration: Annotated[
        str,
        typer.Option(help="Id of an integration, whose code is asked for instead of a token."),
    ] = "",
    wait: Annotated[
        int,
        typer.Option(
            min=0,
            max=86_400,
            help="How many seconds to wait until its leads are read; that goes on by itself.",
        ),
    ] = 120,
    data: Data = DATA,
) -> None:
    """Connect a Kommo account, by a long-lived token or by an integration's code.

    Both are shown among the keys of an integration in Kommo. The token is checked and kept sealed,
    the webhooks are subscribed, and then all leads of the account are read once.
    """
    token = token_from(token_file, "Authorization code" if integration else "Long-lived token")

    async def work() -> None:
        from pydantic import SecretStr

        from services.application.kommo import receives_at
        from services.runtime.installation import open_installation

        async with open_installation(data) as installation:
            found = await _connect(
                installation,
                address,
                SecretStr(token),
                integration,
                public_url=receives_at(installation, public_url),
            )
            # The address is shown only now: first, should nobody wait for the rest.
            if found.hook_url:
                say(words().say(sentence("connect.address_follows")))
                say(found.hook_url.get_secret_value())
            if found.is_anew:
                say(words().say(sentence("connect.anew")))
            baseline = await _baseline(installation, found.account_id, within_s=wait)
            say_all(words().lines([*_connected(found), baseline]))

    complete(work())


async def _connect(
    installation: "Installation",
    address: str,
    token: "SecretStr",
    integration: str,
    *,
    public_url: str,
) -> "Connected":
    """By a token, or by the code of an integration; each step is told as it is done."""
    from services.application.connect import Step, connect
    from services.application.consenting import Return, connect_by_code
    from services.oauth.hosts import host_of

    def tell(step: Step) -> None:
        say(words().say(sentence(f"connect.step.{step}")))

    here = whoever_is_here()
    if not integration:
        return await connect(
            installation,
            here,
            base_url=address,
            token=token,
            public_url=public_url,
            on_step=tell,
        )
    brought = Return(client_id=integration, code=token, referer=host_of(address.rstrip("/")))
    return await connect_by_code(installation, here, brought, public_url=public_url, on_step=tell)


async def _baseline(installation: "Installation", account_id: int, *, within_s: float) -> Sentence:
    """Wait until its leads are read; what that found, or where it goes on."""
    from services.application.baseline import follow

    account = await installation.account(account_id)
    with watched() as tell:
        found = await follow(
            installation,
            account,
            whoever_is_here(),
            within_s=within_s,
            on_look=lambda look: tell(words().say(_how_far(look))),
        )
    if found is not None:
        return sentence("connect.baseline_found", held=found.held, free=found.free)
    if installation.is_at_rest():
        return sentence("connect.baseline_at_rest")
    return sentence("connect.baseline_goes_on")


def _how_far(look: "Baseline") -> Sentence:
    if look.state == "reading":
        return sentence("connect.baseline_reading", count=look.leads_read)
    return sentence(f"connect.baseline.{look.state}")


def _connected(found: "Connected") -> Iterator[Sentence]:
    yield sentence("connect.done", account=found.account_id, name=found.name, zone=found.timezone)
    yield sentence(
        "connect.counted",
        users=found.users,
        administrators=found.administrators,
        pipelines=found.pipelines,
        stages=found.stages,
    )
    if found.expires_at is not None:
        yield sentence("connect.token_until", until=found.expires_at)


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
        from services.application.kommo import receives_at

        rotated = await rotate_address(
            desk.installation,
            desk.account,
            desk.principal,
            public_url=receives_at(desk.installation, public_url),
            overlap_s=overlap_hours * 3_600,
        )
        desk.tell(sentence("address.rotated"))
        say(rotated.hook_url.get_secret_value())
        if rotated.former_until is None:
            desk.tell(sentence("address.former_ended"))
        else:
            desk.tell(sentence("address.former_until", until=rotated.former_until))

    for_account(data, account, work)


def token_from(file: Path | None, name: str = "Long-lived token") -> str:
    """The token or the code, of a file or typed unseen."""
    text = (
        ask_secret(name)
        if file is None
        else read(file, bytes_max=TOKEN_BYTES_MAX).decode("utf-8", "replace")
    ).strip()
    if not (text and text.isascii() and text.isprintable()) or " " in text:
        where = "the token" if file is None else f"--token-file: {file}"
        fail(f"{where}: expected one word of letters, digits and signs")
    return text
