"""The result of the demo for people: tables in the terminal, pictures on a page."""

from pathlib import Path

from rich.table import Table

from services.cli.demo_findings import Findings
from services.cli.output import out, say


def print_findings(findings: Findings) -> None:
    """Print the managers, the counts, the time, and three decisions in words."""
    managers = Table("manager", "note", title="What each manager got")
    managers.columns[0].no_wrap = True
    for column in ("coefficient", "fair share", "assigned", "deviation"):
        managers.add_column(column, justify="right")
    for row in findings.managers:
        managers.add_row(
            row.name,
            row.note,
            row.coefficient,
            f"{float(row.fair_share):.2f}",
            str(row.assigned),
            f"{float(row.deviation):+.2f}",
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
    say(
        f"{findings.seconds:.2f} s from the move to the last lead set, in {findings.patches}"
        f" requests of up to {findings.batch} leads; Kommo's limit alone imposes"
        f" {findings.floor_s:.2f} s ({findings.seconds / findings.floor_s:.2f} times)."
    )
    if findings.drop_percent:
        say(
            f"{findings.drop_percent}% of the changes lost their webhooks;"
            f" the sweep found {findings.found_by_sweep} leads."
        )
    for explained in findings.explained:
        say("")
        say("\n  ".join(explained.lines))
        again = "the same decision" if explained.is_reproduced else "ANOTHER DECISION"
        say(f"  Decided again from what was recorded: {again}.")


def _alarming(count: int) -> str:
    return f"[bold red]{count}[/]" if count else f"[green]{count}[/]"


def write_report(findings: Findings, path: Path) -> None:
    """Write the page."""
    path.write_text(repr(findings))
