"""Why somebody did not get more leads."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import Sentence, sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, for_account
from services.cli.options import DATA, ID_MAX, AccountId, AsJson, Data, From, To, UserId
from services.cli.output import say, show_table

if TYPE_CHECKING:
    from domain.explain.why_not import Stood
    from services.application.why_not import GivenLeads, WhyNot

app = group()

LEADS_MAX = 1_000
DAYS = 7


class Line(StrEnum):
    """As the domain has them, without importing it; a test compares."""

    got = "got"
    got_as_owner = "got_as_owner"
    others_owed_more = "others_owed_more"
    others_first = "others_first"
    off_shift = "off_shift"
    absent = "absent"
    paused = "paused"
    at_limit = "at_limit"
    lower_priority = "lower_priority"
    already_tried = "already_tried"
    refused = "refused"
    no_access = "no_access"
    excluded = "excluded"
    inactive = "inactive"
    to_owner = "to_owner"
    to_duty = "to_duty"
    not_in_rule = "not_in_rule"


@app.command("why-not")
def why_not_command(  # noqa: PLR0913 - options
    manager: UserId,
    *,
    from_: From = "",
    to: To = "",
    rule: Annotated[str, typer.Option(help="Only leads given out by this rule.")] = "",
    line: Annotated[Line | None, typer.Option(help="Only this line, its leads one by one.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LEADS_MAX, help="How many leads of a line, the newest ones.")
    ] = 5,
    before: Annotated[
        int | None,
        typer.Option(min=1, max=ID_MAX, help="With --line: only leads given before this event."),
    ] = None,
    as_json: AsJson = False,
    account: AccountId = None,
    data: Data = DATA,
) -> None:
    """Tell why a manager did not get more leads.

    Each lead that was given out is in one line: what kept it from them. Without --from: the week
    before --to.
    """

    async def work(desk: AccountDesk) -> None:
        from services.application.why_not import Question, why_not
        from services.cli.documents import show_json

        span = desk.span(from_, to, days=DAYS)
        found = await why_not(
            desk.installation,
            desk.principal,
            Question(desk.account, manager, span, rule_id=rule or None),
            line=None if line is None else line.value,
            limit=limit,
            before=before,
        )
        if as_json:
            show_json(_data(desk, found))
            return
        desk.tell(_summary(found))
        if line is None:
            _show_lines(desk, found)
        elif (leads := found.leads.get(line.value)) is not None:
            _show_leads(desk, leads)

    for_account(data, account, work)


def _summary(found: "WhyNot") -> Sentence:
    """All of it in one sentence."""
    manager, span = found.asked.manager_id, found.asked.span
    given, got, since, until = found.given, found.got, span.start, span.end
    if not given:
        return sentence("why_not.none_given", since=since, until=until)
    if got == given:
        return sentence("why_not.got_all", manager=manager, count=given, since=since, until=until)
    most_first = sorted(found.counts.items(), key=lambda item: -item[1])
    others = tuple(
        sentence(f"why_not.others.{stood}", leads=leads)
        for stood, leads in most_first
        if not stood.startswith("got")
    )
    return sentence(
        "why_not.got_some",
        manager=manager,
        got=got,
        count=given,
        since=since,
        until=until,
        others=others,
    )


def _show_lines(desk: AccountDesk, found: "WhyNot") -> None:
    if found.given:
        show_table(
            ("leads", "why", "--line", "newest"),
            (
                (count, desk.text(_why(stood)), stood, _newest(found.leads[stood]))
                for stood, count in found.counts.items()
            ),
        )


def _why(stood: "Stood") -> Sentence:
    return sentence(f"why_not.line.{stood}")


def _newest(found: "GivenLeads") -> str:
    ids = [str(each.lead_id) for each in found.leads]
    return ", ".join(ids + ["..."] * (found.next_before is not None))


def _show_leads(desk: AccountDesk, found: "GivenLeads") -> None:
    show_table(
        ("when", "event", "lead", "rule", "got by"),
        (
            (
                desk.text(sentence("cell.instant", at=each.at)),
                each.version,
                each.lead_id,
                each.rule_id,
                ""
                if each.got_by is None
                else desk.text(sentence("cell.manager", manager=each.got_by)),
            )
            for each in found.leads
        ),
    )
    if found.next_before is not None:
        say(f"Older ones: --before {found.next_before}")


def _data(desk: AccountDesk, found: "WhyNot") -> dict[str, object]:
    """What another program gets."""
    asked = found.asked
    return {
        "account_id": asked.account.account_id,
        "manager_id": asked.manager_id,
        "from": asked.span.start,
        "to": asked.span.end,
        "rule_id": asked.rule_id,
        "given": found.given,
        "got": found.got,
        "summary": desk.text(_summary(found)),
        "counts": found.counts,
        "lines": found.leads,
    }
