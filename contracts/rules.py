"""The rules file: what an administrator configures (D1, D2, D4 to D6), as YAML or JSON.

Shapes and single-field bounds live here; what needs more than one field to judge (unknown
schedules, overlapping intervals, repeated ids) is judged by `domain.configuration`.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

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
EvenPeriod = Literal["day", "week", "month"]
Price = Annotated[int, Field(ge=1, lt=2**53)]
Value = Annotated[str, StringConstraints(min_length=1, max_length=256)]
OwnerSource = Literal["lead", "contact", "company", "other_lead"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Weekdays = Annotated[
    str,
    StringConstraints(
        pattern="^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$",
    ),
]
Yearly = Annotated[str, StringConstraints(pattern="^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rotation(_Section):
    """Working and free days in turn by calendar date, counted from the anchor (D4.1).

    `2/2` is two working days, then two free ones; `3/1/2/2` goes on alternating. Give either
    `hours` or `days`.

    Attributes:
        anchor: A date on which the pattern starts.
        pattern: Working and free days in turn, such as `2/2`.
        hours: The hours of every working day.
        days: The hours of each working day of one turn, in order.
        skip: Days that are free and do not count as days of the pattern: weekdays, and
            `holidays`, the exceptions without hours.
    """

    anchor: date
    pattern: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}(/[0-9]{1,2})+$")]
    hours: Intervals | None = None
    days: Annotated[list[Intervals], Field(max_length=100)] | None = None
    skip: Annotated[list[Weekday | Literal["holidays"]], Field(max_length=8)] = Field(
        default_factory=list
    )


class ScheduleException(_Section):
    """Dates with hours of their own (D4.2, D4.5): `on` one date, or those of `from` and `to`.

    A date that several name has the hours of the closest: those of its own `on`, else those of
    `from` and `to`, else those of each year.

    Attributes:
        on: The date, or month and day for each year, such as `12-25`.
        start: The first date.
        end: The first date after them, as in an absence.
        hours: The hours of each of these dates; without any they are days off.
        reason: For people who read the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    on: date | Yearly | None = None
    start: date | None = Field(default=None, alias="from")
    end: date | None = Field(default=None, alias="to")
    hours: Intervals = Field(default_factory=list)
    reason: str = ""


class ScheduleSection(_Section):
    """When people work: exactly one of `weekly`, `rotating` and `always`, and the exceptions to it.

    An interval is `HH:MM-HH:MM`; the end is not included. An end at or before the start means the
    next day, and the interval belongs to the day on which it starts. `24:00` is midnight.

    Attributes:
        weekly: Hours by weekday (`mon` to `sun`) or by several at once (`mon-fri`); the hours of a
            weekday by itself go first. A day that is left out is free.
        rotating: Working and free days in turn, whatever the weekday.
        always: `true` for all hours of all days.
        timezone: An IANA name; without it the file's, else that of the Kommo account.
        exceptions: Dates with other hours, or none.
    """

    weekly: dict[Weekdays, Intervals] | None = None
    rotating: Rotation | None = None
    always: Literal[True] | None = None
    timezone: str | None = None
    exceptions: Annotated[list[ScheduleException], Field(max_length=1_000)] = Field(
        default_factory=list
    )


class AbsenceSection(_Section):
    """A manager's vacation or sick leave, `to` not included (D4.2).

    Attributes:
        manager: Kommo's id of the user.
        start: The first day away, or an instant with its offset from UTC.
        end: The first day back at work, or an instant with its offset from UTC.
        reason: For people who read the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    manager: Id
    start: datetime | date = Field(alias="from")
    end: datetime | date = Field(alias="to")
    reason: str = ""


class ManagerSection(_Section):
    """What holds for a manager in every rule (D4.6).

    Attributes:
        manager: Kommo's id of the user.
        timezone: An IANA name: where they are. Schedules without a zone of their own, swaps and
            caps are on their clock.
    """

    manager: Id
    timezone: str


class SwapSection(_Section):
    """Extra hours of a manager on one date, or hours taken over from a colleague (D4.6).

    It holds in every rule that they take part in.

    Attributes:
        on: The date.
        manager: Who works, Kommo's id of the user.
        hours: When, on their clock; without it all shifts of the colleague that start on that
            date.
        instead_of: The colleague who is free then; without it the hours are extra.
        reason: For people who read the file.
    """

    on: date
    manager: Id
    hours: Intervals | None = None
    instead_of: Id | None = None
    reason: str = ""


class StageSection(_Section):
    """A stage by its ids.

    Attributes:
        pipeline: Kommo's id of the pipeline.
        stage: Kommo's id of the stage (status) in that pipeline.
    """

    pipeline: Id
    stage: Id

    def as_stage(self) -> Stage:
        """The same pair as the engine's key."""
        return Stage(self.pipeline, self.stage)


class LimitSection(_Section):
    """A cap on each manager's open leads (D5.1).

    Attributes:
        max: Whoever has this many open leads gets no more.
        stages: Where open leads count; without it in every stage but won and lost, in all
            pipelines.
    """

    max: Annotated[int, Field(ge=0, le=1_000_000)]
    stages: Annotated[list[StageSection], Field(min_length=1, max_length=5_000)] | None = None


class CapsSection(_Section):
    """A cap on the leads each manager is given in a calendar period, in their own time zone (D5.5).

    Attributes:
        hour: Leads in an hour, from :00.
        day: Leads in a day, from midnight.
        week: Leads in a week, from Monday.
        month: Leads in a month, from the first.
    """

    hour: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    day: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    week: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    month: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class TaskLimitSection(_Section):
    """Whoever has so many tasks to do gets no leads (D5.6); at least one of both.

    Attributes:
        max: Open tasks of a manager in Kommo, those that are overdue not counted.
        overdue_max: Open tasks whose time is over.
    """

    max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    overdue_max: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ParticipantSection(_Section):
    """A manager's part in a rule (D2.1).

    Attributes:
        manager: Kommo's id of the user.
        schedule: When they take leads; without it the file's default schedule.
        coefficient: Their part of the leads, relative to the others'; 0 excludes them.
        priority: 1 is asked first; the next one only while nobody of the ones before is at work.
        limit: A cap on their open leads, instead of the rule's.
        limit_tasks: Caps on their open tasks, instead of both of the rule's.
        caps: Caps on the leads they are given; the smaller of these and the rule's holds.
        caps_instead: Their caps hold instead of the rule's, also where they allow more.
    """

    manager: Id
    schedule: Name | None = None
    coefficient: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)] = Decimal(1)
    priority: Annotated[int, Field(ge=1, le=100)] = 1
    limit: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    limit_tasks: TaskLimitSection | None = None
    caps: CapsSection | None = None
    caps_instead: bool = False


class PaceSection(_Section):
    """Releases leads that had to wait bit by bit instead of all at once (D8.2).

    Attributes:
        leads: Waiting leads that each manager gets in an interval.
        every_minutes: The length of an interval.
    """

    leads: Annotated[int, Field(ge=1, le=10_000)]
    every_minutes: Minutes


class DutyManagerSection(_Section):
    """One entry of a rota (D7.4).

    Attributes:
        manager: Kommo's id of the user.
        schedule: When they are on duty; without it at all hours.
    """

    manager: Id
    schedule: Name | None = None


class DutySection(_Section):
    """Who takes the leads that the distribution cannot place (D7.4): a `manager`, or a `rota`.

    The first of the rota who is on shift, not paused and not absent is on duty. While nobody is,
    the `fallback` takes the lead at any hour; without one it waits.

    Attributes:
        manager: One person on duty at all hours.
        rota: Several, in the order in which they are asked.
        fallback: Who takes the lead while nobody of the rota can.
    """

    manager: Id | None = None
    rota: Annotated[list[DutyManagerSection], Field(min_length=1, max_length=100)] | None = None
    fallback: Id | None = None


class RedistributionSection(_Section):
    """When a lead that nobody works on is passed on to the next manager (D7.1, D7.2).

    Attributes:
        after_minutes: How long a manager has before the lead is passed on.
        nothing_changed: What stops the clock. `no_touch`: anything the responsible manager does
            (stage, note, task, message, call). `no_stage_change`: only a change of stage.
            `no_change_at_all`: anything any person does.
        accept: `required`: only the responsible manager stops the clock, by taking the lead or by
            anything else they do.
        clock: `working_time` counts the responsible manager's own hours, `wall_clock` every minute.
        hops_max: After this many managers, or once everybody who could take the lead has had it, it
            goes to duty and stays there; without duty it stays with the last one.
    """

    after_minutes: Minutes
    nothing_changed: Literal["no_touch", "no_stage_change", "no_change_at_all"] = "no_touch"
    accept: Literal["optional", "required"] = "optional"
    clock: Literal["working_time", "wall_clock"] = "working_time"
    hops_max: Annotated[int, Field(ge=1, le=1_000)] | None = None


class ShiftEndSection(_Section):
    """What becomes of a manager's leads when their shift ends and others are at work (D9.4).

    Attributes:
        hand_over: `untouched`: the leads of this rule they have done nothing with. `all`: every
            open lead of theirs in the rule's stages.
        break_minutes: A pause up to this long between two shifts is no end of a shift.
    """

    hand_over: Literal["untouched", "all"]
    break_minutes: Minutes = 240


class PriceSection(_Section):
    """A price of the lead, both ends included (D1.5).

    Attributes:
        low: The lowest price; without it there is no lower end.
        high: The highest price; without it there is no upper end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    low: Annotated[int, Field(ge=0, lt=2**53)] | None = Field(default=None, alias="from")
    high: Annotated[int, Field(ge=0, lt=2**53)] | None = Field(default=None, alias="to")


class FieldSection(_Section):
    """What a custom field has to be (D1.5); capitals and outer spaces do not matter.

    Attributes:
        field: Kommo's id of the field.
        equals: The one value wanted.
        one_of: The values of which one is wanted.
    """

    field: Id
    equals: Value | None = None
    one_of: Annotated[list[Value], Field(min_length=1, max_length=500)] | None = None


class ConditionsSection(_Section):
    """What has to be true of a lead, all of it, before the rule may take it (D1.5).

    Attributes:
        tags: The lead has one of these tags.
        price: The lead's price is in this range.
        sources: The lead came from one of these sources, by Kommo's ids.
        fields: Custom fields of the lead.
        contact_fields: Custom fields of the lead's main contact, such as language or city.
    """

    tags: Annotated[list[Value], Field(min_length=1, max_length=500)] | None = None
    price: PriceSection | None = None
    sources: Annotated[list[Id], Field(min_length=1, max_length=500)] | None = None
    fields: Annotated[list[FieldSection], Field(min_length=1, max_length=50)] | None = None
    contact_fields: Annotated[list[FieldSection], Field(min_length=1, max_length=50)] | None = None


class OwnersSection(_Section):
    """Whose lead it is already, before the fair share is asked (D6.1 to D6.3).

    Attributes:
        sources: Whose responsible user is looked for, in this order.
        among: Who counts as an owner; without it the participants do.
        wait_hours: An owner who is back within so many working hours is waited for.
        ignore_limits: An owner gets their leads even at their limit.
        debt_max: An owner's leads count as leads they were given, until they owe this many (D3.7);
            without it they do not count.
        others: What becomes of a lead that belongs to, or was made by, an employee who is no
            owner.
        keep_for: Whose leads `keep` leaves alone; without it every active user's.
    """

    sources: Annotated[list[OwnerSource], Field(min_length=1, max_length=4)]
    among: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = None
    wait_hours: Annotated[Decimal, Field(ge=0, le=1_000, decimal_places=2)] = Decimal(2)
    ignore_limits: bool = True
    debt_max: Annotated[int, Field(ge=0, le=1_000)] | None = None
    others: Literal["distribute_anyway", "keep"] = "distribute_anyway"
    keep_for: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = None


class LinkedSection(_Section):
    """What follows a lead to its new manager, once Kommo shows them as responsible (D6.4).

    Attributes:
        lead: The lead itself; `false` distributes only what belongs to it (D6.5).
        contacts: All contacts of the lead.
        company: The lead's company.
        tasks: The lead's open tasks.
        company_leads: The company's other active leads.
        contact_leads: The main contact's other active leads.
        only_for: Only what one of these employees is responsible for, or nobody; without it
            everything.
    """

    lead: bool = True
    contacts: bool = False
    company: bool = False
    tasks: bool = False
    company_leads: bool = False
    contact_leads: bool = False
    only_for: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list)


class TaskSection(_Section):
    """A task for the manager who got the lead (D12.2).

    Attributes:
        due_minutes: How long they have, in their working time.
        text: What the task says; without it, that the lead is to be contacted.
    """

    due_minutes: Minutes
    text: Annotated[str, StringConstraints(max_length=500)] = ""


class TellSection(_Section):
    """How people are told whose lead it is, once Kommo shows the manager as responsible (D12.2).

    Attributes:
        note: A line on the lead's feed: who got it, by which rule, and why.
        task: A task for the manager.
        webhook: A target of the account's webhooks, by its name, that is told.
    """

    note: bool = False
    task: TaskSection | None = None
    webhook: Name | None = None


class WidgetSection(_Section):
    """That a rule is a trigger of the widget: it is changed in Kommo, and by no file.

    What a file says of such a rule does not count, but for its place and whether it is `enabled`.

    Attributes:
        revision: Which of the trigger's revisions is in force.
        schedule: When everybody takes leads, where the rule lists nobody; without it by the file's
            default schedule.
        has_conditions_of_its_own: Kommo lets the trigger fire for some of the leads only, so the
            rule takes those alone that it fires for, and none that are found in the stage.
    """

    revision: Annotated[int, Field(ge=1, lt=2**53)]
    schedule: Name | None = None
    has_conditions_of_its_own: bool = False


class RuleSection(_Section):
    """Who shares the leads that enter these stages (D1.4, D2).

    Attributes:
        id: A short name that never changes; decisions and statements refer to it.
        name: What people read.
        enabled: `false` switches the rule off: it takes no leads, as if it were not there; what it
            says is kept. Leads that waited by it are placed anew.
        stages: Where leads are distributed by this rule.
        conditions: What has to be true of a lead; without it the rule takes every lead.
        owners: Whether a lead goes to whoever it belongs to already.
        linked: What follows the lead to its manager.
        participants: Who takes part; without it every active user does, equally, on the default
            schedule.
        policy: Who of those who can take the lead gets it (D3.6). `fair_share`: by coefficients.
            `least_loaded`: whoever has the fewest open leads in the limit's stages.
            `most_available`: whoever has the largest part of their limit left. `fewest_given`:
            whoever got the least of their part in the period of the registry (D3.10).
        ledger: Rules that name the same ledger share one fair share; those that name none share the
            account's (D3.4).
        registry: Rules with the policy `fewest_given` that name the same registry count together;
            those that name none share the account's.
        catch_up: How many of the leads missed during a pause or an absence a manager may get
            afterwards, beyond the fair share (D3.3).
        distribute_by_coefficient: `false` makes all coefficients equal, except 0 (D2.4).
        limit: A cap on each manager's open leads.
        limit_tasks: Caps on each manager's open tasks in Kommo, whatever these are about.
        caps: A cap on the leads each manager is given in an hour, a day and a week.
        duty: Who takes the leads that the distribution cannot place.
        off_hours: What happens while nobody is at work (D8.1). `wait`: for the next shift. `duty`:
            goes to duty at once. `reserve_first_starter`: is given to whoever starts first.
        when_full: What happens while all who are at work, of the priority that is asked, are at the
            limit (D5.4). `wait`: for a place. `next_tier`: asks the next priority. `duty`: goes to
            duty after `duty_after_minutes`.
        duty_after_minutes: How long a lead waits for a place before it goes to duty, in working
            time of those who are at the limit.
        age_limit_minutes: When a lead is older than this it goes to duty, whatever it waits for
            (D8.2).
        redistribution: When a lead that nobody works on is passed on.
        at_shift_end: What becomes of leads when their manager goes home; without it they stay.
        first_touch_target_minutes: How soon after it was given to them a manager is to do something
            with a lead, in their working time; figures tell the share that was as fast (D12.1).
            Needs `redistribution`, or `at_shift_end` for untouched leads: only then Kommo is asked
            what was done.
        pace: How fast waiting leads are given out.
        tell: How people are told whose lead it is; without it nobody is.
        widget: Only in rules that triggers of the widget carry.
    """

    id: Name
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    enabled: bool = True
    stages: Annotated[list[StageSection], Field(min_length=1, max_length=5_000)]
    conditions: ConditionsSection | None = None
    owners: OwnersSection | None = None
    linked: LinkedSection | None = None
    participants: Annotated[list[ParticipantSection], Field(max_length=1_000)] = Field(
        default_factory=list
    )
    policy: Literal["fair_share", "least_loaded", "most_available", "fewest_given"] = "fair_share"
    ledger: Name = "account"
    registry: Name = "account"
    catch_up: Annotated[int, Field(ge=0, le=100)] = 0
    distribute_by_coefficient: bool = True
    limit: LimitSection | None = None
    limit_tasks: TaskLimitSection | None = None
    caps: CapsSection | None = None
    duty: DutySection | None = None
    off_hours: OffHours = "wait"
    when_full: WhenFull = "wait"
    duty_after_minutes: Minutes | None = None
    age_limit_minutes: Minutes | None = None
    redistribution: RedistributionSection | None = None
    at_shift_end: ShiftEndSection | None = None
    first_touch_target_minutes: Minutes | None = None
    pace: PaceSection | None = None
    tell: TellSection | None = None
    widget: WidgetSection | None = None


class FieldKindsSection(_Section):
    """Values of a custom field of the lead that are kinds of their own (D3.9).

    Attributes:
        id: Kommo's id of the field.
        values: The values; capitals and outer spaces do not matter. A lead with several of them
            is of the kind of the first one here.
    """

    id: Id
    values: Annotated[list[Value], Field(min_length=1, max_length=50)]


class KindSection(_Section):
    """One way to tell kinds of leads apart: exactly one of these fields (D3.9).

    Attributes:
        tags: Each of these tags is a kind; a lead with several is of the kind of the first one
            here.
        price: Bounds between prices, ascending: `[1000, 10000]` is below 1000, from 1000 to 9999,
            and 10000 or more.
        field: Values of a custom field of the lead.
    """

    tags: Annotated[list[Value], Field(min_length=1, max_length=50)] | None = None
    price: Annotated[list[Price], Field(min_length=1, max_length=20)] | None = None
    field: FieldKindsSection | None = None


def _form_of(kind: object) -> Literal["word", "section"]:
    """Which of the two forms of a kind is written, so that only its own problems are told."""
    return "word" if isinstance(kind, str) else "section"


Kind = Annotated[
    Annotated[KindSection, Tag("section")] | Annotated[Literal["source", "stage"], Tag("word")],
    Discriminator(_form_of),
]


class LedgerSection(_Section):
    """A ledger that is to be fair in more than the number of leads (D3.9).

    Attributes:
        kinds: Up to three ways to tell leads apart, in each of which everybody gets their part of
            every kind: `source` (each of Kommo's sources), `stage` (each stage of the rules), or a
            section. What a lead has nothing of is of the kind "other".
    """

    kinds: Annotated[list[Kind], Field(max_length=3)]


class RegistrySection(_Section):
    """What rules with the policy `fewest_given` count together (D3.10).

    Attributes:
        period: Counting begins anew with each calendar day, week (on Monday) or month, in the
            file's time zone.
    """

    period: EvenPeriod = "month"


class ActivitySection(_Section):
    """Whether people can be paused at all, and whether by themselves (D9.1).

    Attributes:
        enabled: `false`: nobody can be paused, and pauses in force do not count.
        managers_may_change: `false`: only administrators pause and resume.
    """

    enabled: bool = True
    managers_may_change: bool = True


class RulesFile(_Section):
    """How an account's leads are distributed; of its rules the first that takes a lead wins (D1.4).

    Attributes:
        version: Of the file's format; always 1.
        timezone: An IANA name, such as `Europe/Berlin`; without it the Kommo account's.
        default_schedule: For participants without a schedule of their own; without it they are
            always on shift.
        read_within_s: How many seconds a lead may wait for what a rule has to know from Kommo; then
            it is decided without (D1.5).
        schedules: Schedules by name.
        managers: What holds for single managers in every rule.
        absences: Vacations and sick leave.
        swaps: Extra hours, and hours taken over from colleagues.
        activity: Whether people can be paused.
        ledgers: Ledgers, by the name that rules give as `ledger`, that are fair in kind as well;
            `account` is the one of the rules that name none.
        registries: In which period registries count, by the name that rules give as `registry`;
            one that is not listed counts by the month.
        trust_webhooks: Whether a lead is believed to be where a webhook says; else Kommo is read
            before its responsible is changed (S2).
        rules: The rules, in the order in which they are tried.
    """

    version: Literal[1]
    timezone: str | None = None
    default_schedule: Name | None = None
    read_within_s: Annotated[int, Field(ge=5, le=3_600)] = 60
    schedules: dict[Name, ScheduleSection] = Field(default_factory=dict)
    managers: Annotated[list[ManagerSection], Field(max_length=1_000)] = Field(default_factory=list)
    absences: Annotated[list[AbsenceSection], Field(max_length=10_000)] = Field(
        default_factory=list
    )
    swaps: Annotated[list[SwapSection], Field(max_length=1_000)] = Field(default_factory=list)
    activity: ActivitySection = ActivitySection()
    ledgers: dict[Name, LedgerSection] = Field(default_factory=dict)
    registries: dict[Name, RegistrySection] = Field(default_factory=dict)
    trust_webhooks: bool = False
    rules: Annotated[list[RuleSection], Field(max_length=500)]
