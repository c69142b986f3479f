"""The result of the demo for people: tables in the terminal, pictures on a page."""

import os
from decimal import Decimal
from pathlib import Path

from rich.table import Table

from domain.explain import leads_of
from services.cli.demo_findings import ExplainedDecision as Explained
from services.cli.demo_findings import Findings
from services.cli.demo_findings import ManagerRow as FoundRow
from services.cli.demo_kafka import Comparison
from services.cli.installation import Wrong
from services.cli.output import out, say
from services.cli.report import DemoReport, ExplainedDecision, ManagerRow, render
from services.cli.sample.team import LIMIT, LIMITED_ID, SECOND_TIER_ID

VIOLATIONS_SHOWN = 20


def print_findings(findings: Findings) -> None:
    """Print the managers, the counts, the time, and three decisions in words."""
    managers = Table("manager", "note", title="What each manager got")
    managers.columns[0].no_wrap = True
    for column in ("coeff.", "fair share", "got", "deviation", "besides"):
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
    out.print(managers)
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
    out.print(counts)
    out.print(_rules(findings))
    say(
        f"{findings.seconds:.2f} s from {findings.since} to the last lead set, in"
        f" {findings.patches} requests of up to {findings.batch} leads, beside"
        f" {findings.other_requests} for what had to be read or went along; Kommo's limit alone"
        f" imposes {findings.floor_s:.2f} s"
        f" ({findings.seconds / findings.floor_s:.2f} times)."
    )
    for remark in _remarks(findings):
        say(remark)
    violations = findings.verdict.violations
    say(f"history: {findings.verdict.checks:,} checks, {len(violations)} violations")
    for violation in violations[:VIOLATIONS_SHOWN]:
        say(f"  {violation}")
    for explained in findings.explained:
        say("")
        say("\n  ".join(explained.lines))
        again = "the same decision" if explained.is_reproduced else "ANOTHER DECISION"
        say(f"  Decided again from what was recorded: {again}.")


def _rules(findings: Findings) -> Table:
    table = Table("rule", title="What each rule did, the morning included")
    table.add_column("leads", justify="right")
    table.add_column("how")
    for row in findings.rules:
        table.add_row(row.name, str(row.leads), "; ".join(row.what))
    return table


def _note(row: FoundRow) -> str:
    """What is special about a manager, and what he got besides."""
    others = ", ".join(f"{leads} {kind}" for kind, leads in row.besides.items())
    return "; ".join(filter(None, (row.note, others and f"besides {others}")))


def print_comparison(comparison: Comparison) -> None:
    """Print what the embedded engine made of the same messages."""
    say(
        f"\nThe {comparison.messages} messages of the log on Apache Kafka, decided again by the"
        f" embedded engine, in {comparison.events} events:"
    )
    say(f"  state of the processes:       {comparison.digests[0]}")
    say(f"  state of the embedded engine: {comparison.digests[1]}")
    if comparison.is_same:
        say("  The same leads, the same winners, the same events byte for byte.")
    else:
        at = comparison.first_difference
        where = f"; the first event that differs: {at}" if at is not None else ""
        out.print(f"  [bold red]THEY DIFFER[/]{where}")


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
            f"{findings.requested:,} leads moved at once, 12 managers, {findings.batch} leads in a"
            f" request, {findings.drop_percent}% of the webhooks lost"
        ),
        requested=findings.requested,
        decided=findings.decided,
        in_kommo=findings.set_in_kommo,
        waiting=findings.waiting,
        lost=findings.lost,
        twice=findings.twice,
        took_s=findings.seconds,
        kommo_floor_s=findings.floor_s,
        batch_size=findings.batch,
        managers=tuple(
            ManagerRow(
                manager_id=row.manager_id,
                name=row.name,
                coefficient=Decimal(row.coefficient),
                tier=2 if row.manager_id == SECOND_TIER_ID else 1,
                limit=LIMIT if row.manager_id == LIMITED_ID else None,
                note=_note(row),
                fair_share=row.fair_share,
                assigned=row.assigned,
            )
            for row in findings.managers
        ),
        rules=tuple((row.name, row.leads, "; ".join(row.what)) for row in findings.rules),
        deviations=tuple((n, float(d)) for n, d in enumerate(findings.deviations, start=1)),
        progress=tuple(
            (at, findings.requested - n, n) for n, at in enumerate((0.0, *findings.set_at))
        ),
        decisions=tuple(_explained(decision) for decision in findings.explained),
        remarks=_remarks(findings),
    )


def _explained(decision: Explained) -> ExplainedDecision:
    first, *others = decision.lines
    again = "the same decision" if decision.is_reproduced else "another decision"
    return ExplainedDecision(
        title=first,
        lines=(*others, f"Decided again from what was recorded: {again}."),
        columns=("manager", "verdict", "credit before", "share", "open leads"),
        rows=tuple(
            (
                decision.names[standing.manager_id],
                standing.verdict.replace("_", " "),
                leads_of(standing.credit),
                leads_of(standing.share),
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
