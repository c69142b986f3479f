"""Commands about what was: the audit of an account or of an exported file, and past states."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, Data
from services.cli.output import fail, say, say_all, show_progress, show_text
from services.cli.refusals import refusal
from services.cli.speech import words

if TYPE_CHECKING:
    from services.application.differing import DataChange

app = group()


@app.command()
def audit(
    what: Annotated[
        str,
        typer.Argument(help="Kommo's id of the account, if several; or an exported file."),
    ] = "",
    first: Annotated[
        str, typer.Option("--from", help="The first event: its version, a date, or a time.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="The last event, in the same way.")] = "",
    export: Annotated[
        Path | None, typer.Option(help="Write what was audited to a file.", dir_okay=False)
    ] = None,
    key: Annotated[
        str, typer.Option(help="For a file: the fingerprint of the key that must have signed it.")
    ] = "",
    data: Data = DATA,
) -> None:
    """Check that an account's history is as it was recorded.

    Its events are replayed: each decision is taken again, and the hash chain is verified. Exit
    status 1 if anything differs.
    """
    if what and not what.isdigit():
        if first or last or export is not None:
            fail("--from, --to, --export: Only for an account; a file is audited as a whole.")
        _audit_file(Path(what), key)
        return
    if key:
        fail("--key: Only for an exported file, as in: fairlead audit FILE --key KEY")
    if export is not None and first:
        fail("--from: Not with --export; an exported audit begins with the first event.")

    async def work(desk: AccountDesk) -> None:
        from services.application.audit.account import audit
        from services.application.audit.export import export as export_
        from services.application.audit.told import told
        from services.application.moments import first_since, version_at

        installation, account, principal = desk.installation, desk.account, desk.principal
        end = await version_at(installation, account, last) if last else None
        written: list[Sentence] = []
        if export is not None:
            exported = await export_(
                installation, account, principal, export, last=end, progress=_progress
            )
            audited, signer = exported.audited, exported.fingerprint
            written = [sentence("audit.exported", file=str(export), fingerprint=signer)]
        else:
            begin = await first_since(installation, account, first) if first else 1
            audited = await audit(
                installation, account, principal, first=begin, last=end, progress=_progress
            )
        show_progress("")
        desk.tell(*told(audited))
        if audited.fault is not None:
            raise typer.Exit(1)
        desk.tell(*written)

    for_account(data, int(what) if what else None, work)


def _audit_file(path: Path, key: str) -> None:
    from services.application.audit.export import audit_file
    from services.application.audit.told import told
    from services.application.refused import Refused

    try:
        found = audit_file(path, key=key or None, progress=_progress)
    except Refused as refused:
        fail(*(f"{path}: {line}" for line in refusal(refused, words())))
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    show_progress("")

    head = sentence(
        "audit.of_file",
        account=found.audited.account_id,
        made_at=found.made_at,
        fingerprint=found.fingerprint,
    )
    say_all(words().lines([head, *told(found.audited)]))
    if found.audited.fault is not None:
        raise typer.Exit(1)


def _progress(done: int, goal: int) -> None:
    show_progress(f"{done} of {goal} events")


@app.command()
def state(
    account: Annotated[
        int | None, typer.Argument(min=1, help="Kommo's id of the account, if several.")
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            help="Required: the version of an event, a date (its end), or a date and time."
        ),
    ] = "",
    diff: Annotated[
        str, typer.Option(help="Another moment, given like --at: show only what differs then.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; else YAML.")] = False,
    data: Data = DATA,
) -> None:
    """Show an account as it was at a moment.

    All that a decision could depend on: leads, credits, loads, pauses, timers, rules, who waits.
    """
    if not at:
        fail("--at: Expected the version of an event, a date, or a date and time.")

    async def work(desk: AccountDesk) -> None:
        from services.application.state import difference, state

        asked = desk.installation, desk.account, desk.principal
        if not diff:
            show_text(_document(await state(*asked, at), as_json=as_json))
            return
        changes = await difference(*asked, before=at, after=diff)
        if as_json:
            show_text(_document([_change(each) for each in changes], as_json=True))
            return
        desk.tell(sentence("state.changes", count=len(changes)))
        for each in changes:
            say(f"{each.path}: {_value(each.before)} -> {_value(each.after)}")

    for_account(data, account, work)


def _document(found: object, *, as_json: bool) -> str:
    if as_json:
        import json

        return json.dumps(found, indent=2)
    from services.rules_file.yaml import write

    assert isinstance(found, dict), "a state"  # noqa: S101 - an invariant
    return write(found)


def _change(change: "DataChange") -> dict[str, object]:
    return {"path": change.path, "before": change.before, "after": change.after}


def _value(value: object) -> str:
    import json

    return "nothing" if value is None else json.dumps(value)
