"""The result of the demo for people: tables in the terminal, pictures on a page."""

import os
from decimal import Decimal
from pathlib import Path

from rich.table import Table

from services.cli.output import out, say, say_paragraph
from services.demo.findings import (
    KOMMO_REQUESTS_PER_S,
    ExplainedDecision,
    Findings,
    ManagerRow,
)
from services.demo.in_kind import furthest
from services.demo.kafka import Comparison
from services.demo.report import (
    GUARANTEE_WITH_KINDS_LEADS,
    DemoReport,
    ReportedDecision,
    ReportedKind,
    ReportedManager,
    render,
)
from services.demo.sample.team import LIMIT, LIMITED_ID, SECOND_TIER_ID
from services.runtime.wrong import Wrong
from services.words.credit import signed

VIOLATIONS_SHOWN = 20


def print_findings(findings: Findings) -> None:
    """Print the managers, the counts, the time, and three decisions in words."""
    managers = Table("manager", "note", title="What each manager got")
    managers.columns[0].no_wrap = True
    for column in ("coeff.", "fair share", "got", "deviation", "other leads"):
        managers.add_column(column, justify="right")
    for row in findings.managers:
        managers.add_row(
            row.name,
            row.note,
            row.coefficient,
            f"{float(row.fair_share):.2f}",
            str(row.assigned),
            f"{float(row.deviation):+.2f}",
            str(sum(row.besides.values()) or ""),
        )
    out().print(managers)
    out().print(_in_kind(findings))
    counts = Table(
        "requested", "decided", "set in Kommo", "waiting", "lost", "twice", title="Leads"
    )
    counts.add_row(
        str(findings.requested),
        str(findings.decided),
        str(findings.set_in_kommo),
        str(findings.waiting),
        _alarming(findings.lost),
        _alarming(findings.twice),
    )
    out().print(counts)
    out().print(_rules(findings))
    say(
        f"{findings.seconds:.2f} s from {findings.since} to the last lead set, in"
        f" {findings.patches} requests of up to {findings.batch} leads and"
        f" {findings.other_requests} for what had to be read or followed them."
    )
    if findings.floor_s > 0:
        say(
            f"At {KOMMO_REQUESTS_PER_S} a second, Kommo's limit, these requests alone take"
            f" {findings.floor_s:.2f} s: it was {findings.seconds / findings.floor_s:.2f} times"
            " that."
        )
    if findings.beside is not None:
        say(findings.beside.words)
    for fault in findings.faults:
        say(f"Meanwhile: {fault}.")
    for remark in _remarks(findings):
        say(remark)
    violations = findings.verdict.violations
    say(f"The whole history: {findings.verdict.checks:,} checks, {len(violations)} violations")
    for violation in violations[:VIOLATIONS_SHOWN]:
        say(f"  {violation}")
    for explained in findings.explained:
        say("")
        say_paragraph(explained.lines)
        again = "the same decision" if explained.is_reproduced else "ANOTHER DECISION"
        say(f"  Decided again from what was recorded: {again}.")


def _in_kind(findings: Findings) -> Table:
    """Source and manager: what they got, and what would have been fair."""
    table = Table("manager", title="Fair in kind: got of each source / the fair share of it")
    sources = list(dict.fromkeys(share.source for share in findings.in_kind))
    for source in sources:
        table.add_column(source, justify="right")
    for row in findings.managers:
        table.add_row(row.name, *(_of_source(findings, row.manager_id, each) for each in sources))
    return table


def _of_source(findings: Findings, manager_id: int, source: str) -> str:
    for share in findings.in_kind:
        if (share.manager_id, share.source) == (manager_id, source):
            return f"{share.assigned} / {float(share.fair_share):.2f}"
    return ""


def _rules(findings: Findings) -> Table:
    table = Table("rule", title="What each rule did, the leads of the morning included")
    table.add_column("leads", justify="right")
    table.add_column("how")
    for row in findings.rules:
        table.add_row(row.name, str(row.leads), "; ".join(row.what))
    return table


def _note(row: ManagerRow) -> str:
    """What is special about a manager, and what they got besides the fair share."""
    others = ", ".join(f"{leads} {kind}" for kind, leads in row.besides.items())
    return "; ".join(filter(None, (row.note, others and f"also {others}")))


def print_comparison(comparison: Comparison) -> None:
    """Print what the embedded engine made of the same messages."""
    say("")
    say(
        f"The {comparison.messages} messages of the log on Apache Kafka, decided again by the"
        f" embedded engine, in {comparison.events} events:"
    )
    say(f"  state of the processes:       {comparison.digests[0]}")
    say(f"  state of the embedded engine: {comparison.digests[1]}")
    if comparison.is_same:
        say("  The same leads, the same winners, the same events byte for byte.")
    else:
        at = comparison.first_difference
        where = f"; the first event that differs: {at}" if at is not None else ""
        out().print(f"  [bold red]THEY DIFFER[/]{where}")


def _alarming(count: int) -> str:
    return f"[bold red]{count}[/]" if count else f"[green]{count}[/]"


def check_report(path: Path) -> None:
    """See that the page can be written, before anything is done for it.

    Raises:
        Wrong: It cannot.
    """
    if not path.parent.is_dir():
        raise Wrong(f"--report: there is no folder {path.parent}")
    if path.is_dir():
        raise Wrong(f"--report: expected the name of a file, {path} is a folder")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Wrong(f"--report: {path} may not be written")


def write_report(findings: Findings, path: Path) -> None:
    """Write the page."""
    path.write_text(render(_report(findings)), encoding="utf-8")


def _report(findings: Findings) -> DemoReport:
    return DemoReport(
        made_at=findings.at,
        settings=(
            f"{findings.requested:,} leads moved at once, 12 managers, up to {findings.batch} leads"
            f" in a request, {findings.drop_percent}% of the webhooks lost"
        ),
        requested=findings.requested,
        decided=findings.decided,
        in_kommo=findings.set_in_kommo,
        waiting=findings.waiting,
        lost=findings.lost,
        twice=findings.twice,
        took_s=findings.seconds,
        kommo_floor_s=findings.floor_s,
        requests=findings.patches + findings.other_requests,
        managers=tuple(
            ReportedManager(
                manager_id=row.manager_id,
                name=row.name,
                coefficient=Decimal(row.coefficient),
                tier=2 if row.manager_id == SECOND_TIER_ID else 1,
                limit=LIMIT if row.manager_id == LIMITED_ID else None,
                note=_note(row),
                fair_share=row.fair_share,
                assigned=row.assigned,
                in_kind=tuple(
                    ReportedKind(each.source, each.assigned, float(each.fair_share))
                    for each in findings.in_kind
                    if each.manager_id == row.manager_id
                ),
                furthest_in_kind=float(furthest(findings.in_kind, row.manager_id)),
            )
            for row in findings.managers
        ),
        guarantee_leads=GUARANTEE_WITH_KINDS_LEADS,
        rules=tuple((row.name, row.leads, "; ".join(row.what)) for row in findings.rules),
        deviations=tuple((n, float(d)) for n, d in enumerate(findings.deviations, start=1)),
        progress=tuple(
            (at, findings.requested - n, n) for n, at in enumerate((0.0, *findings.set_at))
        ),
        decisions=tuple(_explained(decision) for decision in findings.explained),
        remarks=_remarks(findings),
    )


def _explained(decision: ExplainedDecision) -> ReportedDecision:
    first, *others = decision.lines
    again = "the same decision" if decision.is_reproduced else "another decision"
    return ReportedDecision(
        title=first,
        lines=(*others, f"Decided again from what was recorded: {again}."),
        columns=("manager", "verdict", "credit before", "share", "open leads"),
        rows=tuple(
            (
                decision.names[standing.manager_id],
                standing.verdict.replace("_", " "),
                signed(standing.credit),
                signed(standing.share),
                str(standing.open_leads),
            )
            for standing in decision.event.standings
        ),
    )


def _remarks(findings: Findings) -> tuple[str, ...]:
    if not findings.drop_percent:
        return ()
    text = (
        f"{findings.drop_percent}% of the changes lost their webhooks;"
        f" the sweep found {findings.found_by_sweep} leads."
    )
    return (text,)
