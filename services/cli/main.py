"""`fairlead COMMAND`: everything a person orders, and the embedded installation itself."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import SecretStr
from rich.markup import escape
from rich.table import Table

from services.cli import connect as connecting
from services.cli import (
    dead,
    doctor,
    explain,
    gaps,
    keys,
    ledger,
    orders,
    people,
    rules,
    rules_check,
    settings,
    topics,
    undo,
)
from services.cli import restored as restoring
from services.cli.demo import Demo
from services.cli.explain import namer
from services.cli.installation import Installation, Wrong, must_exist, open_installation
from services.cli.output import complete, fail, out, say, show_progress
from services.cli.roles import ROLES
from services.cli.run import chosen
from services.cli.run import run as run_roles
from services.cli.up import up as run_up
from services.cli.week.findings import find as find_week
from services.cli.week.output import print_week
from services.cli.week.world import Week
from services.failpoints import FailpointsRefused, arm
from services.logs import configure_logging, printable
from services.projector.rebuild import AlreadyRunning, rebuild
from services.projector.registry import PROJECTIONS, named
from services.storage.accounts import Account

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
rules_app = typer.Typer(help="Put rules in force, or show them.", no_args_is_help=True)
projections_app = typer.Typer(help="The read models.", no_args_is_help=True)
dead_app = typer.Typer(help="What could not be understood.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
app.add_typer(projections_app, name="projections")
app.add_typer(dead_app, name="dead")
topics_app = typer.Typer(help="The topics of Apache Kafka.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
gaps_app = typer.Typer(help="Partitions that lost messages, and stand still.", no_args_is_help=True)
app.add_typer(gaps_app, name="gaps")

Data = Annotated[
    Path,
    typer.Option(
        envvar="FAIRLEAD_DATA",
        help="Folder of the installation.",
        show_default=True,
        file_okay=False,
    ),
]
AccountId = Annotated[
    int | None, typer.Option("--account", help="Kommo's id of the account, if several.")
]
# The database's largest number; what is beyond names nothing.
ID_MAX = 2**63 - 1
UserId = Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Kommo's id of the user.")]
LeadId = Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Kommo's id of the lead.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
LetterId = Annotated[int, typer.Argument(min=1, max=ID_MAX, help="Its number in the list.")]
LedgerName = Annotated[str, typer.Option("--ledger", help="Of the rules that name it.")]
DATA = Path("fairlead-data")


WEEK_SEED = 7


class Scenario(StrEnum):
    """What the demo plays."""

    LEADS = "leads"
    WEEK = "week"


def _tell_version(is_wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if is_wanted:
        say(f"fairlead {version('fairlead')}")
        raise typer.Exit


@app.callback()
def fairlead(
    *,
    version_: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_tell_version)
    ] = False,
) -> None:
    """Distributes the leads of Kommo accounts among their managers, fairly and traceably."""


def run() -> None:
    """The console command."""
    configure_logging(sys.stderr, json_lines=False, level="WARNING")
    try:
        arm(os.environ)
    except FailpointsRefused as error:
        sys.exit(f"error: {error}")
    app()


@app.command()
def up(
    data: Data = DATA,
    host: Annotated[str, typer.Option(help="Address to receive webhooks at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to receive webhooks at; 0 for any.")
    ] = 8_080,
    *,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Logs as JSON lines.")] = False,
) -> None:
    """Run all roles on the embedded database until stopped (Ctrl-C or SIGTERM)."""
    configure_logging(sys.stderr, json_lines=json_logs, level="INFO")
    complete(run_up(data, host=host, port=port, on_listening=_greet))


@app.command("run")
def run_(
    roles: Annotated[
        list[str], typer.Argument(help=f"Some of: {', '.join(ROLES)}; or: all", metavar="ROLE")
    ],
    data: Data = DATA,
    host: Annotated[
        str | None,
        typer.Option(help="Address of ingress to receive webhooks at; default: the settings'."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port of the same; 0 for any free one."),
    ] = None,
    *,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Logs as JSON lines.")] = False,
) -> None:
    """Run roles of the distributed installation until stopped (Ctrl-C or SIGTERM).

    FAIRLEAD_DATABASE_URL, FAIRLEAD_KAFKA_SERVERS and FAIRLEAD_MASTER_KEY name it.
    """
    configure_logging(sys.stderr, json_lines=json_logs, level="INFO")

    async def work() -> None:
        await run_roles(data, chosen(roles), host=host, port=port, on_listening=_greet)

    complete(work())


def _greet(address: str) -> None:
    say(f"Fairlead is up and receives webhooks at {address}")


@app.command()
def demo(
    leads: Annotated[int, typer.Option(min=1, max=100_000, help="How many leads.")] = 1_000,
    drop: Annotated[int, typer.Option(min=0, max=100, help="Percent of webhooks lost.")] = 0,
    batch: Annotated[int, typer.Option(min=1, max=250, help="Leads in one PATCH.")] = 50,
    report: Annotated[Path, typer.Option(help="The page to write.")] = Path("demo-report.html"),
    scenario: Annotated[
        Scenario, typer.Option(help="`week` plays a working week in virtual time instead.")
    ] = Scenario.LEADS,
    kafka: Annotated[
        str | None,
        typer.Option(help="host:port of a broker without our topics: one process per role on it."),
    ] = None,
) -> None:
    """Distribute leads of a local Kommo on an installation of its own, and prove the result."""
    if scenario is Scenario.WEEK:
        week = find_week(Week(seed=WEEK_SEED).run())
        print_week(week)
        raise typer.Exit(1 if week.broken else 0)
    demonstration = Demo(leads=leads, drop_percent=drop, batch=batch, report=report, kafka=kafka)
    raise typer.Exit(0 if complete(demonstration.run()) else 1)


@app.command()
def connect(
    address: Annotated[str, typer.Argument(help="Of the account: https://acme.kommo.com")],
    public_url: Annotated[
        str, typer.Option(help="Where Kommo reaches this installation; default: where it listens.")
    ] = "",
    token_file: Annotated[
        Path | None, typer.Option(help="File with a long-lived token; else it is asked for.")
    ] = None,
    data: Data = DATA,
) -> None:
    """Connect a Kommo account: check the token, keep it sealed, subscribe the webhooks."""
    token = SecretStr(_token(token_file))

    async def work() -> None:
        async with open_installation(data) as installation:
            running = installation.running()
            receives_at = public_url or (running or {}).get("address")
            if not receives_at:
                raise Wrong("nothing receives here, so name --public-url, or start: fairlead up")
            found = await connecting.connect(
                installation, base_url=address, token=token, public_url=receives_at
            )
            say(f"Connected account {found.account_id} ({found.name}, {found.timezone}):")
            say(f"{found.users} active users, {found.stages} stages, webhooks subscribed.")
            say("Address for Digital Pipeline triggers, a secret, shown only now:")
            out.print(found.hook_url.get_secret_value(), markup=False, soft_wrap=True)
            if found.is_anew:
                say("The address of before is out of use: replace it in every trigger.")

    complete(work())


def _token(file: Path | None) -> str:
    try:
        token: str = (
            typer.prompt("Long-lived token", hide_input=True)
            if file is None
            else file.read_text(encoding="utf-8", errors="replace")
        ).strip()
    except OSError as error:
        fail(f"--token-file: {file}: {error.strerror}")
    if not (token and token.isascii() and token.isprintable()) or " " in token:
        where = "the token" if file is None else f"--token-file: {file}"
        fail(f"{where}: expected one word of letters, digits and signs")
    return token


@rules_app.command("apply")
def rules_apply(
    file: Annotated[Path, typer.Argument(help="The rules, in YAML.")],
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Check a rules file as a whole and put it in force."""
    say(_for_account(data, account, lambda i, a: rules.apply(i, a, file)))


@rules_app.command("check")
def rules_check_(
    file: Annotated[Path, typer.Argument(help="The rules, in YAML.")],
    account: AccountId = None,
    data: Data = DATA,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on notes as well.")] = False,
) -> None:
    """Look a rules file over without applying it; exit status 1 if something needs a person.

    Problems keep it from being applied, warnings are most likely mistakes, notes are worth
    knowing. With a connected account, its people, stages and last week's leads are looked at too.
    """
    checked = complete(rules_check.check(data, file, account))
    for remark in checked.remarks:
        say(str(remark))
    if checked.left_out:
        say(f"Not everything could be looked at: {checked.left_out}.")
    counts = Counter(remark.severity for remark in checked.remarks)
    found = ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts.items())
    say(f"{file}: {found or 'nothing to look at'}.")
    raise typer.Exit(0 if checked.is_fine(strict=strict) else 1)


@rules_app.command("show")
def rules_show(account: AccountId = None, data: Data = DATA) -> None:
    """Print the rules in force."""
    say(_for_account(data, account, rules.show))


@app.command()
def pause(
    manager: UserId,
    until: Annotated[str, typer.Option(help="15:00, or 2026-12-01T15:00; default: open end.")] = "",
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Take a manager out of the distribution, as an administrator."""
    say(
        _for_account(
            data, account, lambda i, a: people.pause(i, a, manager, until=until, reason=reason)
        )
    )


@app.command()
def resume(
    manager: UserId,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Put a manager back into the distribution."""
    say(_for_account(data, account, lambda i, a: people.resume(i, a, manager)))


@app.command()
def distribute(
    leads: Annotated[
        list[int] | None, typer.Argument(min=1, max=ID_MAX, help="Kommo's ids of the leads.")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="All open leads of PIPELINE/STAGE, as 7000001/61000002.")
    ] = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    yes: Yes = False,
) -> None:
    """Distribute leads now that were not distributed in their stage yet; asks first."""
    _ordered(
        data, account, lambda i, a: orders.plan_distribution(i, a, leads or (), stage), yes=yes
    )


@app.command()
def handover(
    manager: UserId,
    rule: Annotated[
        str, typer.Option(help="Id of the rule for leads in stages that no rule covers.")
    ] = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    yes: Yes = False,
) -> None:
    """Give all open leads of an absent manager to others, by the rules; pauses him; asks first."""
    _ordered(data, account, lambda i, a: orders.plan_handover(i, a, manager, rule), yes=yes)


def _ordered(
    data: Path,
    account_id: int | None,
    plan: Callable[[Installation, Account], Awaitable[orders.Plan]],
    *,
    yes: bool,
) -> None:
    """Show what an order would come to, ask, and give it."""

    async def work(installation: Installation, account: Account) -> None:
        planned, name = await plan(installation, account), namer(account)
        for line in orders.lines_of(planned.outcome, name, is_done=False):
            say(line)
        if not planned.outcome.leads:
            say("Nothing to do.")
        elif yes or await asyncio.to_thread(typer.confirm, planned.question):
            came_to = await orders.carry_out(installation, account, planned)
            said = [people.KEPT] if came_to is None else ["Done."]
            if came_to is not None and came_to != planned.outcome:
                said += orders.lines_of(came_to, name, is_done=True)
            for line in said:
                say(line)
        else:
            say("Nothing was changed.")

    _for_account(data, account_id, work)


@app.command()
def pauses(account: AccountId = None, data: Data = DATA) -> None:
    """Show who is paused: by whom, since when, until when, and why."""
    found = _for_account(data, account, people.pauses)
    if not found:
        say("Nobody is paused.")
        return
    table = Table("manager", "paused by", "since", "until", "why")
    for row in found:
        table.add_row(*map(_plain, row))
    out.print(table)


@app.command("explain")
def explain_(
    lead: LeadId,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Tell why a lead went where it went."""
    for decision in _for_account(data, account, lambda i, a: explain.explain_lead(i, a, lead)):
        say("\n  ".join(decision.lines))
        if decision.is_reproduced is not None:
            again = "the same decision" if decision.is_reproduced else "ANOTHER DECISION"
            say(f"  Event {decision.version}; decided again from what it recorded: {again}.")


@app.command()
def statement(
    manager: UserId,
    ledger_name: LedgerName = "account",
    limit: Annotated[
        int, typer.Option(min=1, max=ledger.LINES_MAX, help="The newest so many lines.")
    ] = 50,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Show a manager's credit like a bank account: each lead, correction and refund."""
    found = _for_account(
        data,
        account,
        lambda i, a: ledger.statement(i, a, manager, ledger=ledger_name, limit=limit),
    )
    say(found.head)
    table = Table("when", "event", "what", "leads", "balance")
    for line in found.lines:
        table.add_row(line.at, line.event, _plain(line.what), line.leads, line.balance)
    out.print(table)
    if found.left_out:
        say("Older lines are left out; more with --limit.")


# A negative number is no option.
@app.command(context_settings={"ignore_unknown_options": True})
def correct(
    manager: UserId,
    leads: Annotated[str, typer.Argument(help="Leads he is owed, like 1.5; -2 takes two away.")],
    reason: Annotated[str, typer.Option(help="Why, for the statements of all who bear it.")],
    ledger_name: LedgerName = "account",
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Give a manager credit at the equal expense of the others, or take it, as an administrator."""
    say(
        _for_account(
            data,
            account,
            lambda i, a: ledger.correct(i, a, manager, leads, ledger=ledger_name, reason=reason),
        )
    )


@app.command("undo")
def undo_(
    lead: LeadId,
    decision: Annotated[
        str, typer.Option(help="Request to put back, as explain names it; default: the newest.")
    ] = "",
    account: AccountId = None,
    data: Data = DATA,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only show it.")] = False,
) -> None:
    """Put back who was responsible before a decision; what a person changed since stays."""

    async def work(installation: Installation, of: Account) -> list[str]:
        plan = await undo.plan(installation, of, lead, decision)
        say(f"Decision {plan.request_id} about lead {lead}:")
        for line in undo.preview(of, plan):
            say(f"  {line}")
        if not yes:
            return ["Nothing was changed. To put this back, say it again with --yes"]
        return await undo.carry_out(installation, of, plan)

    for line in _for_account(data, account, work):
        say(line)


@projections_app.command("rebuild")
def projections_rebuild(
    name: Annotated[str, typer.Argument(help="One of: " + ", ".join(p.NAME for p in PROJECTIONS))],
    data: Data = DATA,
) -> None:
    """Make a read model anew from the first event, beside the live one, and swap."""
    try:
        projection = named(name)
    except KeyError:
        known = ", ".join(each.NAME for each in PROJECTIONS)
        fail(f"there is no projection {name!r}; known: {known}")

    async def work() -> int:
        total = 0

        def progress(done: int, goal: int) -> None:
            nonlocal total
            total = goal
            show_progress(f"{done} of {goal} events")

        must_exist(data)
        async with open_installation(data) as installation:
            try:
                await rebuild(installation.pool, installation.events, projection, progress=progress)
            except AlreadyRunning as error:
                raise Wrong(f"{name} is being rebuilt by another process") from error
            except TimeoutError as error:
                raise Wrong(f"{name} is unchanged: {error}") from error
            finally:
                show_progress("")
        return total

    events = complete(work())
    say(f"{name} is rebuilt from {events} events.")


@dead_app.command("list")
def dead_list(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The newest so many.")] = 50,
    data: Data = DATA,
) -> None:
    """List what nobody has dealt with."""
    letters = _for_installation(data, lambda i: dead.page(i, limit=limit))
    if not letters:
        say("No dead letters.")
        return
    table = Table("id", "received (UTC)", "account", "source", "bytes", "reason")
    for letter in letters:
        table.add_row(
            str(letter.id),
            f"{letter.received_at:%Y-%m-%d %H:%M:%S}",
            str(letter.account_id or "-"),
            letter.source,
            str(letter.size),
            _plain(letter.reason),
        )
    out.print(table)


@dead_app.command("show")
def dead_show(letter: LetterId, data: Data = DATA) -> None:
    """Show one, with its reason and body."""
    found = _for_installation(data, lambda i: dead.get(i, letter))
    origin = f"{found.source}, {found.content_type}, {dead.size_of(found)}"
    say(f"{found.id}: {found.reason}\n{origin}\n{dead.preview(found)}")


@dead_app.command("retry")
def dead_retry(letter: LetterId, data: Data = DATA) -> None:
    """Read one again and publish what it says."""
    say(_for_installation(data, lambda i: dead.retry(i, letter)))


@dead_app.command("drop")
def dead_drop(letter: LetterId, data: Data = DATA) -> None:
    """Set one aside for good."""
    say(_for_installation(data, lambda i: dead.drop(i, letter)))


@topics_app.command("apply")
def topics_apply(
    kafka: Annotated[
        str,
        typer.Option(envvar="FAIRLEAD_KAFKA_SERVERS", help="host:port, several with commas."),
    ],
) -> None:
    """Create the topics that are missing; say what exists and how it differs."""
    for line in complete(topics.apply(kafka)):
        say(line)


@gaps_app.command("list")
def gaps_list(data: Data = DATA) -> None:
    """List the partitions that stand still, and what they lack."""
    found = _for_installation(data, gaps.stopped)
    if not found:
        say("No gaps.")
        return
    table = Table("partition", "position", "the log holds", "what is missing", "accounts")
    for place, accounts in found:
        row = (place.partition, place.position, place.holds, place.gap, accounts)
        table.add_row(*map(str, row))
    out.print(table)


@gaps_app.command("history")
def gaps_history(data: Data = DATA) -> None:
    """Show who let which partition go on, and what it passed over; the latest first."""
    found = _for_installation(data, gaps.history)
    if not found:
        say("No partition was ever resumed.")
        return
    table = Table("when", "who", "source", "stood at", "went on at")
    for each in found:
        when = f"{each.resumed_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
        positions = str(each.position_before), str(each.position_after)
        table.add_row(when, _plain(each.resumed_by), each.source, *positions)
    out.print(table)


@gaps_app.command("resume")
def gaps_resume(
    partition: Annotated[int, typer.Argument(min=0, help="Its number in the list.")],
    at: Annotated[
        str, typer.Option(help="Offset of the message to go on at, or: earliest.")
    ] = gaps.EARLIEST,
    data: Data = DATA,
    *,
    yes: Yes = False,
) -> None:
    """Let a partition go on behind what it lost; asks first."""

    async def work(installation: Installation) -> None:
        planned = await gaps.plan(installation, partition, at)
        if isinstance(planned, str):
            say(planned)
            return
        for line in planned.lines:
            say(line)
        if yes or await asyncio.to_thread(typer.confirm, planned.question):
            say(await gaps.resume(installation, planned))
        else:
            say("Nothing was changed.")

    _for_installation(data, work)


@app.command()
def reseal(data: Data = DATA) -> None:
    """Seal all tokens with the newest of several master keys (FAIRLEAD_MASTER_KEY=NEW,OLD)."""
    say(_for_installation(data, keys.reseal))


@app.command()
def restored(data: Data = DATA) -> None:
    """Say that the database was restored from a backup: give out nothing that was given since.

    A data folder that was copied back is noticed by itself.
    """
    say(_for_installation(data, restoring.restored))


@app.command("asyncapi")
def asyncapi_() -> None:
    """Print the AsyncAPI document of Kafka's topics."""
    from services import asyncapi  # noqa: PLC0415 - the framework is slow to import

    say(asyncapi.document().decode().rstrip())


@app.command("doctor")
def doctor_(data: Data = DATA) -> None:
    """Look at everything and say what to do; exit status 1 if something needs a person."""

    async def work() -> bool:
        well = True
        table = Table("what", "found", "to do")
        must_exist(data)
        async with open_installation(data) as installation:
            async for finding in doctor.examine(installation):
                well = well and not finding.advice
                table.add_row(finding.subject, _plain(finding.found), _plain(finding.advice))
        out.print(table)
        return well

    raise typer.Exit(0 if complete(work()) else 1)


@app.command("settings")
def settings_() -> None:
    """Print every setting: its variable, default, bounds and meaning."""
    out.print(settings.document(), markup=False, soft_wrap=True)


def _plain(text: str) -> str:
    """Text of strangers as a cell of a table."""
    return escape(printable(text))


def _for_installation(data: Path, work: Callable[[Installation], Awaitable[T]]) -> T:
    async def opened() -> T:
        must_exist(data)
        async with open_installation(data) as installation:
            return await work(installation)

    return complete(opened())


def _for_account(
    data: Path, account_id: int | None, work: Callable[[Installation, Account], Awaitable[T]]
) -> T:
    async def opened(installation: Installation) -> T:
        return await work(installation, await installation.account(account_id))

    return _for_installation(data, opened)
