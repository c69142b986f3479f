"""The rules file: what an administrator configures (D1, D2, D4 to D6), as YAML or JSON.

Shapes and single-field bounds live here; what needs more than one field to judge (unknown
schedules, overlapping intervals, repeated ids) is judged by `domain.configuration`.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.stage import Stage

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Interval = Annotated[
    str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")
]
Intervals = Annotated[list[Interval], Field(max_length=48)]
Id = Annotated[int, Field(gt=0, lt=2**53)]
OffHours = Literal["wait", "duty", "reserve_first_starter"]
WhenFull = Literal["wait", "next_tier", "duty"]
Minutes = Annotated[int, Field(ge=1, le=366 * 24 * 60)]
Value = Annotated[str, StringConstraints(min_length=1, max_length=256)]
OwnerSource = Literal["lead", "contact", "company", "other_lead"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rotation(_Section):
    """Working and free days in turn by calendar dates, starting at the anchor (D4.1).

    `2/2` is two working days, two free ones; `3/1/2/2` goes on alternating. `hours` holds for
    every working day; `days` instead names the hours of each working day of one turn.
    """

    anchor: date
    pattern: Annotated[str, StringConstraints(pattern=r"^\d{1,2}(/\d{1,2})+$")]
    hours: Intervals | None = None
    days: Annotated[list[Intervals], Field(max_length=100)] | None = None


class ScheduleException(_Section):
    """One date with hours of its own; no hours make it a holiday (D4.2)."""

    on: date
    hours: Intervals = Field(default_factory=list)
    reason: str = ""


class ScheduleSection(_Section):
    """Exactly one of `weekly`, `rotating`, `always`, and the exceptions to it.

    An interval is `HH:MM-HH:MM`, its end not included. An end at or before the start means the
    next day; the interval belongs to the day on which it starts. `24:00` is midnight.
    """

    weekly: dict[Weekday, Intervals] | None = None
    rotating: Rotation | None = None
    always: Literal[True] | None = None
    timezone: str | None = None
    exceptions: Annotated[list[ScheduleException], Field(max_length=1_000)] = Field(
        default_factory=list
    )


class AbsenceSection(_Section):
    """A manager's vacation or sick leave: [from, to), instants with an offset or whole dates."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    manager: Id
    start: datetime | date = Field(alias="from")
    end: datetime | date = Field(alias="to")
    reason: str = ""


class StageSection(_Section):
    """A stage by its ids."""

    pipeline: Id
    stage: Id

    def as_stage(self) -> Stage:
        """The same pair as the engine's key."""
        return Stage(self.pipeline, self.stage)


class LimitSection(_Section):
    """The most open leads a manager may have at the stages (D5.1).

    Without `stages` every stage counts but won and lost, in all pipelines.
    """

    max: Annotated[int, Field(ge=0, le=1_000_000)]
    stages: Annotated[list[StageSection], Field(min_length=1, max_length=5_000)] | None = None


class CapsSection(_Section):
    """The most leads a manager is given per hour, day and week of his zone's calendar (D5.5)."""

    hour: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    day: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    week: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ParticipantSection(_Section):
    """A manager's part in a rule (D2.1).

    `priority` 1 is asked first; `coefficient` 0 excludes. `limit` and `caps` stand instead of
    the rule's.
    """

    manager: Id
    schedule: Name | None = None
    coefficient: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)] = Decimal(1)
    priority: Annotated[int, Field(ge=1, le=100)] = 1
    limit: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    caps: CapsSection | None = None


class PaceSection(_Section):
    """At most so many of the leads that waited, per manager and interval (D8.2)."""

    leads: Annotated[int, Field(ge=1, le=10_000)]
    every_minutes: Minutes


class DutyManagerSection(_Section):
    """A manager on duty during the hours of a schedule, at all hours without one (D7.4)."""

    manager: Id
    schedule: Name | None = None


class DutySection(_Section):
    """Who takes the leads that the distribution cannot place (D7.4): `manager`, or a `rota`.

    The first of the rota who is on shift, not paused and not absent has duty. While nobody has,
    the `fallback` takes the lead at any hour; without one it waits.
    """

    manager: Id | None = None
    rota: Annotated[list[DutyManagerSection], Field(min_length=1, max_length=100)] | None = None
    fallback: Id | None = None


class RedistributionSection(_Section):
    """When a lead that nobody works on is passed on to the next (D7.1, D7.2).

    `nothing_changed` tells what stops the clock: by `no_touch` whatever the responsible manager
    does (stage, note, task, message, call), by `no_stage_change` only a change of stage, by
    `no_change_at_all` whatever any person does. `clock` counts the working time of the
    responsible manager, or every minute. After `hops_max` hops, or once everybody who could take
    the lead has had it, it goes to duty and stays there; without duty it stays with the last.
    """

    after_minutes: Minutes
    nothing_changed: Literal["no_touch", "no_stage_change", "no_change_at_all"] = "no_touch"
    clock: Literal["working_time", "wall_clock"] = "working_time"
    hops_max: Annotated[int, Field(ge=1, le=1_000)] | None = None


class PriceSection(_Section):
    """A price of the lead, both ends included; a missing end is open."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    low: Annotated[int, Field(ge=0, lt=2**53)] | None = Field(default=None, alias="from")
    high: Annotated[int, Field(ge=0, lt=2**53)] | None = Field(default=None, alias="to")


class FieldSection(_Section):
    """A custom field whose value is this one, or one of these; capitals do not matter."""

    field: Id
    equals: Value | None = None
    one_of: Annotated[list[Value], Field(min_length=1, max_length=500)] | None = None


class ConditionsSection(_Section):
    """What has to hold for a lead, all of it, before the rule may have it (D1.5).

    `tags` and `sources` hold if the lead has one of them. `contact_fields` are fields of the
    lead's main contact, such as his language or his city.
    """

    tags: Annotated[list[Value], Field(min_length=1, max_length=500)] | None = None
    price: PriceSection | None = None
    sources: Annotated[list[Id], Field(min_length=1, max_length=500)] | None = None
    fields: Annotated[list[FieldSection], Field(min_length=1, max_length=50)] | None = None
    contact_fields: Annotated[list[FieldSection], Field(min_length=1, max_length=50)] | None = None


class OwnersSection(_Section):
    """Whose lead it is already, before the fair share is asked (D6.1 to D6.3).

    Attributes:
        sources: Whose responsible is looked for, in this order.
        among: Who counts as an owner; without it the participants do.
        wait_hours: An owner who is back within so many working hours is waited for.
        ignore_limits: An owner gets his leads even at his limit.
        debt_max: His leads count as leads he was given, until he owes so many (D3.7); without it
            they do not count.
        others: What becomes of a lead that belongs to, or was made by, an employee who is no
            owner.
        keep_for: Whose leads `keep` keeps; without it every active user's.
    """

    sources: Annotated[list[OwnerSource], Field(min_length=1, max_length=4)]
    among: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = None
    wait_hours: Annotated[Decimal, Field(ge=0, le=1_000, decimal_places=2)] = Decimal(2)
    ignore_limits: bool = True
    debt_max: Annotated[int, Field(ge=0, le=1_000)] | None = None
    others: Literal["distribute_anyway", "keep"] = "distribute_anyway"
    keep_for: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = None


class LinkedSection(_Section):
    """What is handed over with the lead once Kommo holds its manager (D6.4): a switch each.

    With `lead: false` only what belongs to the lead is distributed, and the lead itself stays with
    whoever is responsible for it (D6.5).
    With `only_for` a thing is handed over only if one of these employees is responsible for it, or
    nobody is.
    """

    lead: bool = True
    contacts: bool = False
    company: bool = False
    tasks: bool = False
    company_leads: bool = False
    contact_leads: bool = False
    only_for: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list)


class RuleSection(_Section):
    """Who shares the leads that enter these stages (D1.4, D2).

    Without participants every active user takes part, equally, on the default schedule. Without
    conditions the rule takes every lead.
    `policy` tells who of those who can gets the lead: `fair_share` by coefficients,
    `least_loaded` whoever has the fewest open leads in the limit's stages, `most_available`
    whoever has the largest part of his limit left (D3.6). Rules that name the same `ledger`
    share one fair share among them; the rules that name none share the account's (D3.4).
    Who comes back from a pause or an absence may `catch_up` with that many leads (D3.3).
    `off_hours` tells what happens while nobody is at work: the lead waits, goes to duty, or is
    reserved for whoever starts first (D8.1). `pace` releases what waited bit by bit, with fresh
    leads in turn (D8.2).
    `when_full` tells what happens while all who are at work, of the priority that is asked, are
    at the limit: the lead waits, the next priority is asked, or the lead goes to duty once it has
    waited for `duty_after_minutes` of their working time (D5.4). Whatever it waits for, it goes to
    duty when it is older than `age_limit_minutes` (D8.2).
    """

    id: Name
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    stages: Annotated[list[StageSection], Field(min_length=1, max_length=5_000)]
    conditions: ConditionsSection | None = None
    owners: OwnersSection | None = None
    linked: LinkedSection | None = None
    participants: Annotated[list[ParticipantSection], Field(max_length=1_000)] = Field(
        default_factory=list
    )
    policy: Literal["fair_share", "least_loaded", "most_available"] = "fair_share"
    ledger: Name = "account"
    catch_up: Annotated[int, Field(ge=0, le=100)] = 0
    distribute_by_coefficient: bool = True
    limit: LimitSection | None = None
    caps: CapsSection | None = None
    duty: DutySection | None = None
    off_hours: OffHours = "wait"
    when_full: WhenFull = "wait"
    duty_after_minutes: Minutes | None = None
    age_limit_minutes: Minutes | None = None
    redistribution: RedistributionSection | None = None
    pace: PaceSection | None = None


class ActivitySection(_Section):
    """Whether people can be paused at all, and whether by themselves (D9.1).

    While it is not `enabled`, nobody can be paused, and pauses in force do not count. Unless
    `managers_may_change` it, only administrators pause and resume.
    """

    enabled: bool = True
    managers_may_change: bool = True


class RulesFile(_Section):
    """The whole file. Rules are tried in order, the first that takes the lead wins (D1.4).

    What has to be read from Kommo before a decision is waited for so many seconds.
    """

    version: Literal[1]
    timezone: str | None = None
    default_schedule: Name | None = None
    read_within_s: Annotated[int, Field(ge=5, le=3_600)] = 60
    schedules: dict[Name, ScheduleSection] = Field(default_factory=dict)
    absences: Annotated[list[AbsenceSection], Field(max_length=10_000)] = Field(
        default_factory=list
    )
    activity: ActivitySection = ActivitySection()
    rules: Annotated[list[RuleSection], Field(max_length=500)]
