"""Every field of the rules file that a form edits, by section, with its kind and its name.

Schedules, absences and swaps have screens of their own.
"""

from dataclasses import dataclass
from typing import Literal

from contracts.sentences import Sentence, sentence

Kind = Literal[
    "text",
    "number",
    "numbers",
    "lines",
    "ids",
    "tick",
    "choice",
    "ordered",
    "person",
    "people",
    "stages",
    "schedule",
    "target",
    "kinds",
]


@dataclass(frozen=True, slots=True)
class RuleField:
    """A value.

    Attributes:
        path: From the rule, or from the file, on: `limit.max`.
        title: What it is called.
        choices: Of a choice, in order.
    """

    path: str
    kind: Kind
    title: Sentence
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleRows:
    """A list of entries with the same fields each.

    Attributes:
        main: What is always seen of an entry.
        more: What is seen when it is opened.
    """

    path: str
    title: Sentence
    main: tuple[RuleField, ...]
    more: tuple[RuleField, ...] = ()

    @property
    def columns(self) -> tuple[RuleField, ...]:
        """All fields of an entry."""
        return self.main + self.more


@dataclass(frozen=True, slots=True)
class FormSection:
    """Fields that belong together."""

    name: str
    title: Sentence
    parts: tuple[RuleField | RuleRows, ...]


CUSTOM_FIELD = (
    RuleField("field", "number", sentence("console.rules.field_id")),
    RuleField("equals", "text", sentence("console.rules.field_equals")),
    RuleField("one_of", "lines", sentence("console.rules.field_one_of")),
)
CAPS = (
    RuleField("caps.hour", "number", sentence("console.rules.caps_hour")),
    RuleField("caps.day", "number", sentence("console.rules.caps_day")),
    RuleField("caps.week", "number", sentence("console.rules.caps_week")),
    RuleField("caps.month", "number", sentence("console.rules.caps_month")),
)
TASKS = (
    RuleField("limit_tasks.max", "number", sentence("console.rules.tasks_max")),
    RuleField("limit_tasks.overdue_max", "number", sentence("console.rules.tasks_overdue")),
)
WHERE = FormSection(
    "where",
    sentence("console.rules.where"),
    (
        RuleField("name", "text", sentence("console.rules.name")),
        RuleField("id", "text", sentence("console.rules.id")),
        RuleField("enabled", "tick", sentence("console.rules.enabled")),
        RuleField("stages", "stages", sentence("console.rules.stages")),
    ),
)
CONDITIONS = FormSection(
    "conditions",
    sentence("console.rules.conditions"),
    (
        RuleField("conditions.tags", "lines", sentence("console.rules.tags")),
        RuleField("conditions.price.from", "number", sentence("console.rules.price_from")),
        RuleField("conditions.price.to", "number", sentence("console.rules.price_to")),
        RuleField("conditions.sources", "ids", sentence("console.rules.sources")),
        RuleRows("conditions.fields", sentence("console.rules.fields"), CUSTOM_FIELD),
        RuleRows(
            "conditions.contact_fields", sentence("console.rules.contact_fields"), CUSTOM_FIELD
        ),
    ),
)
WHO = FormSection(
    "who",
    sentence("console.rules.who"),
    (
        RuleRows(
            "participants",
            sentence("console.rules.participants"),
            (
                RuleField("manager", "person", sentence("console.rules.manager")),
                RuleField("coefficient", "number", sentence("console.rules.coefficient")),
                RuleField("priority", "number", sentence("console.rules.priority")),
                RuleField("schedule", "schedule", sentence("console.rules.schedule")),
                RuleField("limit", "number", sentence("console.rules.own_limit")),
            ),
            (
                *CAPS,
                RuleField("caps_instead", "tick", sentence("console.rules.caps_instead")),
                *TASKS,
            ),
        ),
    ),
)
SHARE = FormSection(
    "share",
    sentence("console.rules.share"),
    (
        RuleField(
            "policy",
            "choice",
            sentence("console.rules.policy"),
            ("fair_share", "least_loaded", "most_available", "fewest_given"),
        ),
        RuleField(
            "distribute_by_coefficient", "tick", sentence("console.rules.distribute_by_coefficient")
        ),
        RuleField("ledger", "text", sentence("console.rules.ledger")),
        RuleField("registry", "text", sentence("console.rules.registry")),
        RuleField("catch_up", "number", sentence("console.rules.catch_up")),
    ),
)
LIMITS = FormSection(
    "limits",
    sentence("console.rules.limits"),
    (
        RuleField("limit.max", "number", sentence("console.rules.limit_max")),
        RuleField("limit.stages", "stages", sentence("console.rules.limit_stages")),
        *CAPS,
        *TASKS,
        RuleField(
            "when_full",
            "choice",
            sentence("console.rules.when_full"),
            ("wait", "next_tier", "duty"),
        ),
        RuleField("duty_after_minutes", "number", sentence("console.rules.duty_after_minutes")),
    ),
)
OFF_HOURS = FormSection(
    "off_hours",
    sentence("console.rules.off_hours"),
    (
        RuleField(
            "off_hours",
            "choice",
            sentence("console.rules.off_hours_choice"),
            ("wait", "duty", "reserve_first_starter"),
        ),
        RuleField("duty.manager", "person", sentence("console.rules.duty_manager")),
        RuleRows(
            "duty.rota",
            sentence("console.rules.duty_rota"),
            (
                RuleField("manager", "person", sentence("console.rules.manager")),
                RuleField("schedule", "schedule", sentence("console.rules.duty_schedule")),
            ),
        ),
        RuleField("duty.fallback", "person", sentence("console.rules.duty_fallback")),
        RuleField("age_limit_minutes", "number", sentence("console.rules.age_limit_minutes")),
        RuleField("pace.leads", "number", sentence("console.rules.pace_leads")),
        RuleField("pace.every_minutes", "number", sentence("console.rules.pace_every")),
    ),
)
OWNERS = FormSection(
    "owners",
    sentence("console.rules.owners"),
    (
        RuleField(
            "owners.sources",
            "ordered",
            sentence("console.rules.owner_sources"),
            ("lead", "contact", "company", "other_lead"),
        ),
        RuleField("owners.among", "people", sentence("console.rules.owner_among")),
        RuleField("owners.wait_hours", "number", sentence("console.rules.owner_wait")),
        RuleField("owners.ignore_limits", "tick", sentence("console.rules.owner_ignore")),
        RuleField("owners.debt_max", "number", sentence("console.rules.owner_debt")),
        RuleField(
            "owners.others",
            "choice",
            sentence("console.rules.owner_others"),
            ("distribute_anyway", "keep"),
        ),
        RuleField("owners.keep_for", "people", sentence("console.rules.owner_keep_for")),
    ),
)
NOTHING = FormSection(
    "nothing",
    sentence("console.rules.nothing"),
    (
        RuleField("redistribution.after_minutes", "number", sentence("console.rules.after")),
        RuleField(
            "redistribution.nothing_changed",
            "choice",
            sentence("console.rules.nothing_changed"),
            ("no_touch", "no_stage_change", "no_change_at_all"),
        ),
        RuleField(
            "redistribution.accept",
            "choice",
            sentence("console.rules.accept"),
            ("optional", "required"),
        ),
        RuleField(
            "redistribution.clock",
            "choice",
            sentence("console.rules.clock"),
            ("working_time", "wall_clock"),
        ),
        RuleField("redistribution.hops_max", "number", sentence("console.rules.hops_max")),
        RuleField(
            "first_touch_target_minutes", "number", sentence("console.rules.first_touch_target")
        ),
    ),
)
SHIFT_END = FormSection(
    "shift_end",
    sentence("console.rules.shift_end"),
    (
        RuleField(
            "at_shift_end.hand_over",
            "choice",
            sentence("console.rules.hand_over"),
            ("untouched", "all"),
        ),
        RuleField("at_shift_end.break_minutes", "number", sentence("console.rules.break_minutes")),
    ),
)
LINKED = FormSection(
    "linked",
    sentence("console.rules.linked"),
    (
        RuleField("linked.lead", "tick", sentence("console.rules.linked_lead")),
        RuleField("linked.contacts", "tick", sentence("console.rules.linked_contacts")),
        RuleField("linked.company", "tick", sentence("console.rules.linked_company")),
        RuleField("linked.tasks", "tick", sentence("console.rules.linked_tasks")),
        RuleField("linked.company_leads", "tick", sentence("console.rules.linked_company_leads")),
        RuleField("linked.contact_leads", "tick", sentence("console.rules.linked_contact_leads")),
        RuleField("linked.only_for", "people", sentence("console.rules.linked_only_for")),
    ),
)
TELL = FormSection(
    "tell",
    sentence("console.rules.tell"),
    (
        RuleField("tell.note", "tick", sentence("console.rules.tell_note")),
        RuleField("tell.task.due_minutes", "number", sentence("console.rules.tell_due")),
        RuleField("tell.task.text", "text", sentence("console.rules.tell_text")),
        RuleField("tell.webhook", "target", sentence("console.rules.tell_webhook")),
    ),
)
# Of one rule, in the order of the page.
SECTIONS = (
    WHERE,
    CONDITIONS,
    WHO,
    SHARE,
    LIMITS,
    OFF_HOURS,
    OWNERS,
    NOTHING,
    SHIFT_END,
    LINKED,
    TELL,
)

# Of the ledger that a rule names.
KIND_SECTION = FormSection(
    "kinds",
    sentence("console.rules.kinds_section"),
    (
        RuleRows(
            "kinds",
            sentence("console.rules.kinds"),
            (
                RuleField(
                    "",
                    "kinds",
                    sentence("console.rules.kind_of"),
                    ("source", "stage", "tags", "price", "field"),
                ),
            ),
        ),
    ),
)
PERIOD = RuleField("period", "choice", sentence("console.rules.period"), ("day", "week", "month"))
# Of all rules.
ACCOUNT = FormSection(
    "account",
    sentence("console.rules.account"),
    (
        RuleField("timezone", "text", sentence("console.rules.timezone")),
        RuleField("default_schedule", "schedule", sentence("console.rules.default_schedule")),
        RuleField("read_within_s", "number", sentence("console.rules.read_within")),
        RuleField("trust_webhooks", "tick", sentence("console.rules.trust_webhooks")),
        RuleField("activity.enabled", "tick", sentence("console.rules.activity_enabled")),
        RuleField(
            "activity.managers_may_change", "tick", sentence("console.rules.managers_may_change")
        ),
        RuleRows(
            "managers",
            sentence("console.rules.managers"),
            (
                RuleField("manager", "person", sentence("console.rules.manager")),
                RuleField("timezone", "text", sentence("console.rules.manager_timezone")),
            ),
        ),
    ),
)
