"""What the code can say: every id with its arguments, read from the source itself.

Ids are literals where a sentence is made. One that ends in a value from a closed set of the
contracts, `sentence(f"explain.closed_for.{event.reason}")`, is a family and stands in `FAMILIES`.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jinja2 import Environment, nodes

from contracts import events
from contracts.rules import Weekday
from domain.explain.why_not import STOOD
from projections import repairs, response
from projections.decisions import Kind
from projections.fairness.books import Reason

ROOT = Path(__file__).parents[2]
FOLDERS = ("domain", "projections", "services")
TEMPLATES = "services/console/templates/**/*.html"
# By function: which argument is the id, and what comes before it in the catalogue.
SPEAKERS: Mapping[str, tuple[int, str]] = {
    "sentence": (0, ""),
    "Refused": (0, "refused."),
    "step.refuse": (1, "refused."),
}


def members(closed: Any) -> tuple[str, ...]:  # noqa: ANN401 - what a Literal is has no type
    """The values of a closed set, a union of several included."""
    if get_origin(closed) is Literal:
        return get_args(closed)
    return tuple(value for part in get_args(closed) for value in members(part))


# Of connecting: `services.application.connect.Step`, as a test says.
CONNECTING = ("address", "account", "zone", "people", "webhooks", "kept")
# Of reading all leads, but for while it goes on: `services.application.baseline.State`.
BASELINE = ("to_come", "done")
# Of accounts: `services.application.overview.Trouble`, as a test says.
TROUBLES = (
    "refused_by_kommo",
    "webhooks_off",
    "unaccounted",
    "pushes_late",
    "rules_outdated",
    "trigger_silent",
    "stalled",
    "unfair",
)
# What else needs somebody: `services.application.problems.Need`.
NEEDS = (*TROUBLES, "token", "left_over", "slow")
# Of managers: `services.application.attendance.Attendance`, as a test says.
ATTENDANCE = ("at_work", "full", "off_shift", "absent", "paused", "inactive")
# What a lead waits for besides a verdict: `projections.requests.WaitingReason`.
WAITS = ("behind_queue", "reading", "owner")
# Of addresses of targets: the codes of `services.outgoing.addresses.NotATarget`, as a test says.
ADDRESSES = (
    "too_long",
    "is_no_url",
    "carries_a_user",
    "is_not_https",
    "is_no_name",
    "is_not_public",
    "host_unknown",
)
# Why a target has not taken a webhook: `services.outgoing.post.Failure`, as a test says.
NOT_TAKEN = (
    "address_refused",
    "host_unknown",
    "unreachable",
    "timed_out",
    "redirect",
    "gone",
    "status",
    "secret_unreadable",
    "target_off",
)
# What was found when several could take it alike.
TIES = ("largest_credit", "longest_wait", "smaller_id")
# What people look at: `services.storage.access_log.Sight`, as a test says.
SIGHTS = (
    "explanation",
    "why_not",
    "statement",
    "state",
    "audit",
    "export",
    "erasure",
    "letter",
    "raw_bodies",
    "simulation",
    "proof",
    "shadow",
    "access_log",
    "people",
)
# Of webhooks: `services.storage.hooks_heard.HookKind`, as a test says.
HOOKS = ("leads", "notes", "tasks", "incoming", "triggers", "contacts", "other")
# What is done beside: `services.storage.jobs.JobKind`, as a test says.
JOBS = ("what_if", "replay", "shadow_audit", "export")
# What somebody who calls the API may have to do something about, as a test says: problems of HTTP,
# `services.web.problems.HttpCode`, and what the application refuses, by status.
PROBLEMS = (
    "bad_request",
    "behind",
    "body_not_json",
    "body_too_large",
    "command_in_progress",
    "cursor_mismatch",
    "expired",
    "format_unavailable",
    "idempotency_key_missing",
    "internal",
    "key_in_query",
    "media_type_unsupported",
    "method_not_allowed",
    "not_acceptable",
    "not_allowed",
    "not_found",
    "not_set_up",
    "outcome_unknown",
    "precondition_failed",
    "precondition_required",
    "rate_limited",
    "refused_400",
    "refused_403",
    "refused_404",
    "refused_409",
    "refused_412",
    "refused_422",
    "too_broad",
    "too_many_jobs",
    "too_many_streams",
    "unauthenticated",
    "unavailable",
    "unprocessable",
)
# Of a chain of events.
BREAKS = (
    "event_missing",
    "event_altered",
    "event_beyond_head",
    "link_missing",
    "head_altered",
)
# What was done about who may: `services.access.sign_in_log.AccessDeed`, as a test says.
ACCESS_DEEDS = (
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "sessions_ended",
    "proved_again",
    "password_set",
    "one_time_codes_on",
    "one_time_codes_off",
    "recovery_code_used",
    "recovery_codes_made",
    "provider_added",
    "passkey_added",
    "passkey_removed",
    "passkey_cloned",
    "invited",
    "invitation_revoked",
    "invitation_used",
    "reset",
    "granted",
    "revoked",
    "described",
    "disabled",
    "enabled",
    "erased",
    "key_made",
    "key_rotated",
    "key_revoked",
    "wide_deed_passed",
    "wide_deed_held",
    "wide_deed_approved",
    "wide_deed_refused",
)
# What a rule lets people choose, and how leads are told apart, as a test says.
RULE_CHOICES = (
    "fair_share",
    "least_loaded",
    "most_available",
    "fewest_given",
    "wait",
    "next_tier",
    "duty",
    "reserve_first_starter",
    "lead",
    "contact",
    "company",
    "other_lead",
    "distribute_anyway",
    "keep",
    "no_touch",
    "no_stage_change",
    "no_change_at_all",
    "optional",
    "required",
    "working_time",
    "wall_clock",
    "untouched",
    "all",
    "day",
    "week",
    "month",
)
RULE_KINDS = ("source", "stage", "tags", "price", "field")
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "accounts.trouble.": NEEDS,
    "access.what.": SIGHTS,
    "audit.chain.": BREAKS,
    "connect.baseline.": BASELINE,
    "connect.step.": CONNECTING,
    "console.connection.done.": ("connected", "subscribed", "sweeping"),
    "console.attendance.": ATTENDANCE,
    "console.day.": members(Weekday),
    "console.failure.title.": (
        *("400", "401", "403", "404", "405", "409", "412", "413", "422", "429", "500", "503"),
    ),
    "console.decided.": members(Kind),
    "console.deed.": ACCESS_DEEDS,
    "console.moved.": members(Reason),
    "console.rules.choice.": RULE_CHOICES,
    "console.rules.kind.": RULE_KINDS,
    "console.rules.off.": ("wait", "duty", "reserve_first_starter"),
    "console.ordered.": members(events.CommandName),
    "console.today.do.": NEEDS,
    "console.trouble.": NEEDS,
    "console.waits_for.": (*members(events.Verdict), *WAITS),
    "doctor.repaired.": members(repairs.Kind),
    "doctor.sweep_cost.": ("window", "full"),
    "explain.cap.": members(events.Cap),
    "explain.chosen.": (*TIES, "largest_sum", "fewest_open", "largest_free_share", "fewest_given"),
    "explain.closed_for.": members(events.CloseReason),
    "explain.duty_cause.": members(events.DutyCause),
    "explain.left_for.": tuple(
        dict.fromkeys(
            (
                *members(get_type_hints(events.LinkedLeft)["reason"]),
                *members(events.NoticeEnd),
            )
        )
    ),
    "explain.nothing.": members(events.NothingChanged),
    "explain.part.": members(events.ReadingPart),
    "explain.responsible.": members(events.ReadingPart),
    "explain.source.": tuple(
        dict.fromkeys(
            (
                *members(get_type_hints(events.LeadSeen)["source"]),
                *members(events.RequestSource),
            )
        )
    ),
    "explain.not_told_by.": members(events.NoticeKind),
    "explain.state.": members(events.Verdict),
    "explain.told_by.": members(events.NoticeKind),
    "hook.kind.": HOOKS,
    "job.kind.": JOBS,
    "notice.why.": tuple(each for each in members(events.ChoiceReason) if each != "duty"),
    "explain.tie.": TIES,
    "explain.tied.": ("least_loaded", "most_available", "fewest_given"),
    "explain.touch.": members(events.TouchKind),
    "explain.withdrawn_for.": members(events.WithdrawReason),
    "order.skipped.": members(events.SkipReason),
    "problem.do.": PROBLEMS,
    "remark.severity.": ("problem", "warning", "note"),
    "speed.leg.": members(response.Leg),
    "statement.moved.": ("corrected", "caught_up", "imported"),
    "thing.": members(events.LinkedKind),
    "target_address.": ADDRESSES,
    "webhooks.failure.": NOT_TAKEN,
    "why_not.line.": STOOD,
    "why_not.own.": STOOD,
    "why_not.others.": tuple(each for each in STOOD if not each.startswith("got")),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A place at which a sentence is made.

    Attributes:
        where: File and line.
    """

    id: str
    arguments: frozenset[str]
    where: str


class Unreadable(Exception):
    """A sentence is made in a way of which nobody can tell what it says."""


def everything_said() -> Iterator[Said]:
    """Of every file of the product.

    Raises:
        Unreadable: The id is no literal and no family, or the arguments are not named.
    """
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from said_in(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    for path in sorted(ROOT.glob(TEMPLATES)):
        yield from said_by_template(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))


def said_by_template(source: str, name: str) -> Iterator[Said]:
    """Of one template: it says `t("console.today.title")`.

    Raises:
        Unreadable: The id is no literal, or the arguments are not named.
    """
    for call in Environment(autoescape=True).parse(source).find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name in ("t", "timed")):
            continue
        where = f"{name}:{call.lineno}"
        match call.args:
            case [nodes.Const(value=str(id_))] if not (call.dyn_args or call.dyn_kwargs):
                yield Said(id_, frozenset(each.key for each in call.kwargs), where)
            case _:
                raise Unreadable(f"{where}: expected an id as a literal and named arguments")


def said_in(source: str, name: str) -> Iterator[Said]:
    """Of one file.

    Raises:
        Unreadable: As `everything_said`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (speaker := SPEAKERS.get(ast.unparse(node.func))):
            yield from _said(node, *speaker, f"{name}:{node.lineno}")


def _said(call: ast.Call, place: int, prefix: str, where: str) -> Iterator[Said]:
    names = [keyword.arg for keyword in call.keywords]
    if len(call.args) != place + 1 or None in names:
        raise Unreadable(f"{where}: expected an id and named arguments")
    arguments = frozenset(name for name in names if name is not None)
    for id_ in _ids(call.args[place], where):
        yield Said(prefix + id_, arguments, where)


def _ids(node: ast.expr, where: str) -> tuple[str, ...]:
    match node:
        case ast.Constant(value=str(id_)):
            return (id_,)
        case ast.JoinedStr(values=[ast.Constant(value=str(head)), ast.FormattedValue()]):
            if head in FAMILIES:
                return tuple(head + member for member in FAMILIES[head])
            raise Unreadable(f"{where}: the family {head!r} is not among FAMILIES")
        case _:
            raise Unreadable(f"{where}: expected an id as a literal")
