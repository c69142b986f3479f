"""Random accounts of Kommo, and random rules for them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from contracts.rules import RulesFile
from contracts.stage import CLOSED_STATUSES, Stage
from domain.configuration import problems
from services.sandbox.cards import Card
from services.sandbox.model import INCOMING, CrmAccount, Subscription, Trigger
from services.sandbox.sample import sample_account

# Zones with the instant, in UTC, at which a night with a change of clocks begins.
NIGHTS = {
    "Europe/Berlin": ("2026-03-28T20:00+00:00", "2026-10-24T20:00+00:00"),
    "America/New_York": ("2026-03-08T02:00+00:00", "2026-11-01T01:00+00:00"),
    "Australia/Lord_Howe": ("2026-04-04T10:00+00:00", "2026-10-03T10:00+00:00"),
    "America/Santiago": ("2026-04-04T22:00+00:00", "2026-09-05T23:00+00:00"),
}
ZONES = ("America/Sao_Paulo", "UTC", "Asia/Kolkata", *NIGHTS)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TRIES_MAX = 10
PRICE_MAX = 1_000
TASK_HOOKS = ("add", "update", "delete")
LEAD_HOOKS = ("add", "update", "status", "responsible", "delete", "restore")


@dataclass(frozen=True)
class Setting:
    """When and where a seed plays."""

    zone: str
    base: datetime
    horizon_s: float

    @property
    def has_change_of_clocks(self) -> bool:
        """Whether the zone's clocks change while it goes on."""
        ends = self.base + timedelta(seconds=self.horizon_s)
        return any(
            self.base <= datetime.fromisoformat(night) + timedelta(hours=4) <= ends
            for night in NIGHTS.get(self.zone, ())
        )


def draw_setting(random: Random, horizon_s: float) -> Setting:
    """A zone, and a begin that is near a change of its clocks in some seeds."""
    zone = random.choice(ZONES)
    if zone in NIGHTS and random.random() < 0.6:
        night = datetime.fromisoformat(random.choice(NIGHTS[zone]))
        return Setting(zone, night + timedelta(minutes=random.randrange(240)), horizon_s)
    monday = datetime.fromisoformat("2026-03-02T00:00+00:00")
    return Setting(zone, monday + timedelta(minutes=random.randrange(14 * 1_440)), horizon_s)


def draw_account(
    random: Random, number: int, setting: Setting, *, hooks_url: str, token: str
) -> CrmAccount:
    """An account with a few managers, some leads, a webhook and perhaps triggers."""
    account = sample_account(0, token=token)
    account.id += number
    account.subdomain = f"acme{number}"
    account.timezone = setting.zone
    kept = sorted(random.sample(sorted(account.users)[1:], random.randint(1, 6)))
    account.users = {user_id: account.users[user_id] for user_id in (account.admin_id(), *kept)}
    now = int(setting.base.timestamp())
    for _ in range(random.randint(0, 3)):
        draft = {"name": "", "responsible_user_id": random.choice(sorted(account.users))}
        account.contacts.add(Card, draft, by=account.admin_id(), now=now)
    # Of its own, as `side` below: what else is drawn is the same with and without.
    side = Random(f"{account.id} {kept} {setting}")
    for _ in range(side.randint(0, 2)):
        draft = {"name": "", "responsible_user_id": side.choice(sorted(account.users))}
        account.companies.add(Card, draft, by=account.admin_id(), now=now)
    settings = [f"{name}_lead" for name in LEAD_HOOKS]
    if random.random() < 0.2:
        settings.remove(random.choice(settings))
    settings += [f"{name}_task" for name in TASK_HOOKS if side.random() < 0.8]
    account.subscriptions[hooks_url] = Subscription(
        id=account.new_hook_id(),
        destination=hooks_url,
        settings=tuple(settings),
        created_at=now,
        updated_at=now,
        created_by=account.admin_id(),
    )
    for _ in range(random.choice((0, 0, 1, 2))):
        trigger_id = account.new_hook_id()
        account.triggers[trigger_id] = Trigger(
            id=trigger_id,
            stage=random.choice(open_stages(account)),
            destination=hooks_url,
            kind=random.choice(("plain", "widget")),
            settings={},
        )
    return account


def open_stages(account: CrmAccount) -> list[Stage]:
    """Stages where leads are worked on: the first two pipelines, to have them meet."""
    return [
        Stage(pipeline.id, status.id)
        for pipeline in list(account.pipelines.values())[:2]
        for status in pipeline.statuses[:4]
        if status.type != INCOMING and status.id not in CLOSED_STATUSES
    ]


def draw_rules(random: Random, account: CrmAccount, setting: Setting) -> dict[str, Any]:
    """A rules file, almost always one that is in order."""
    for _ in range(TRIES_MAX):
        rules = _rules(random, account, setting)
        if not problems(RulesFile.model_validate(rules)):
            break
    return rules


def _rules(random: Random, account: CrmAccount, setting: Setting) -> dict[str, Any]:
    schedules = {f"s{number}": _schedule(random, setting) for number in range(random.randint(1, 3))}
    names = sorted(schedules)
    stages = random.sample(open_stages(account), random.randint(1, 4))
    cut = random.randint(1, len(stages))
    rules = [_rule(random, account, "first", stages[:cut], names)]
    if stages[cut:]:
        rules.append(_rule(random, account, "second", stages[cut:], names))
    found: dict[str, Any] = {"version": 1, "schedules": schedules, "rules": rules}
    # Of its own: what else is drawn is the same either way.
    found["trust_webhooks"] = Random(str(stages)).random() < 0.5
    if random.random() < 0.5:
        found["default_schedule"] = random.choice(names)
    if random.random() < 0.3:
        found["timezone"] = random.choice(ZONES)
    if random.random() < 0.3:
        begin = setting.base + timedelta(seconds=random.uniform(0, setting.horizon_s))
        end = begin + timedelta(hours=random.randint(1, 60))
        found["absences"] = [
            {
                "manager": random.choice(sorted(account.users)),
                "from": begin.isoformat(timespec="seconds"),
                "to": end.isoformat(timespec="seconds"),
            }
        ]
    if random.random() < 0.4:
        found["ledgers"] = {name: {"kinds": _kinds(random)} for name in ("account", "own")}
    return found


def _kinds(random: Random) -> list[Any]:
    """What leads are told apart in: the stage alone is not read for."""
    kinds = ["stage", "source", {"price": [1 + random.randrange(PRICE_MAX)]}, {"tags": ["vip"]}]
    return random.sample(kinds, random.randint(1, 3))


def _rule(
    random: Random, account: CrmAccount, rule_id: str, stages: list[Stage], schedules: list[str]
) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": rule_id,
        "stages": [{"pipeline": s.pipeline_id, "stage": s.status_id} for s in stages],
    }
    if random.random() < 0.85:
        people = sorted(account.users)
        chosen = random.sample(people, random.randint(1, len(people)))
        rule["participants"] = [_participant(random, each, schedules) for each in chosen]
    if random.random() < 0.4:
        rule["limit"] = {"max": random.randint(0, 6)}
    if random.random() < 0.3:
        rule["distribute_by_coefficient"] = False
    if random.random() < 0.6:
        rule |= _features(random, account, schedules)
    side = Random(f"{rule} {stages}")
    if side.random() < 0.35:
        rule["linked"] = _linked(side, sorted(account.users), rule)
    if side.random() < 0.25:
        rule["limit_tasks"] = {side.choice(("max", "overdue_max")): side.randint(1, 4)}
    if side.random() < 0.3:
        task = {"task": {"due_minutes": side.choice((5, 60, 600))}}
        rule["tell"] = side.choice(({"note": True}, task, {"note": True, **task}))
    return rule


def _linked(random: Random, people: list[int], rule: dict[str, Any]) -> dict[str, Any]:
    objects = ("contacts", "company", "tasks", "company_leads", "contact_leads")
    found: dict[str, Any] = dict.fromkeys(random.sample(objects, random.randint(1, 5)), True)
    if random.random() < 0.3:
        found["only_for"] = random.sample(people, random.randint(1, len(people)))
    if random.random() < 0.2 and "redistribution" not in rule:
        found["lead"] = False
    return found


def _features(random: Random, account: CrmAccount, schedules: list[str]) -> dict[str, Any]:
    """Some of what a rule may have besides."""
    often: list[tuple[float, dict[str, Any]]] = [
        (0.3, _policy(random)),
        (0.2, {"ledger": "own"}),
        (0.2, {"catch_up": random.randint(1, 3)}),
        (0.2, {"caps": {random.choice(("hour", "day", "week")): random.randint(1, 5)}}),
        (0.2, {"pace": {"leads": random.randint(1, 3), "every_minutes": random.randint(1, 60)}}),
        (0.2, {"age_limit_minutes": random.randint(5, 600)}),
        (0.4, _duty(random, sorted(account.users), schedules)),
        (0.4, {"redistribution": _redistribution(random)}),
        (0.3, {"conditions": {"price": _price(random)}}),
        (0.3, {"owners": _owners(random, sorted(account.users))}),
        (0.3, {"at_shift_end": {"hand_over": random.choice(("untouched", "all"))}}),
    ]
    found: dict[str, Any] = {}
    for share, feature in often:
        if random.random() < share:
            found |= feature
    return found


def _policy(random: Random) -> dict[str, Any]:
    policy = random.choice(("least_loaded", "most_available", "fewest_given"))
    return {"policy": policy, "limit": {"max": random.randint(1, 6)}}


def _price(random: Random) -> dict[str, Any]:
    cut = random.randrange(PRICE_MAX)
    return random.choice(({"from": cut}, {"to": cut}))


def _owners(random: Random, people: list[int]) -> dict[str, Any]:
    sources = random.sample(("lead", "contact", "other_lead"), random.randint(1, 3))
    found: dict[str, Any] = {"sources": sources, "ignore_limits": random.random() < 0.5}
    if random.random() < 0.5:
        found["wait_hours"] = random.choice(("0", "0.5", "8"))
    if random.random() < 0.3:
        found["debt_max"] = random.randint(0, 2)
    if random.random() < 0.3:
        found["among"] = random.sample(people, random.randint(1, len(people)))
    if random.random() < 0.3:
        found["others"] = "keep"
    return found


def _redistribution(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "after_minutes": random.choice((1, 5, 30)),
        "nothing_changed": random.choice(("no_touch", "no_stage_change", "no_change_at_all")),
        "clock": random.choice(("working_time", "wall_clock")),
    }
    if random.random() < 0.5:
        found["hops_max"] = random.randint(1, 4)
    return found


def _duty(random: Random, people: list[int], schedules: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "duty": {"manager": random.choice(people)},
        "off_hours": random.choice(("wait", "duty", "reserve_first_starter")),
        "when_full": random.choice(("wait", "next_tier", "duty")),
    }
    if random.random() < 0.5:
        rota = [{"manager": random.choice(people), "schedule": random.choice(schedules)}]
        found["duty"] = {"rota": rota, "fallback": random.choice(people)}
    if found["when_full"] == "duty":
        found["duty_after_minutes"] = random.randint(1, 60)
    return found


def _participant(random: Random, manager_id: int, schedules: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"manager": manager_id}
    if random.random() < 0.6:
        found["schedule"] = random.choice(schedules)
    if random.random() < 0.4:
        found["coefficient"] = random.choice(("0", "0.5", "1", "2", "40", "60", "0.333333"))
    if random.random() < 0.3:
        found["priority"] = random.randint(1, 3)
    if random.random() < 0.2:
        found["limit"] = random.randint(0, 4)
    return found


def _schedule(random: Random, setting: Setting) -> dict[str, Any]:
    kind = random.random()
    if kind < 0.3:
        return {"always": True}
    if kind < 0.5:
        return {
            "rotating": {
                "anchor": _day(setting, -random.randint(0, 9)).isoformat(),
                "pattern": random.choice(("2/2", "1/1", "3/1/2/2")),
                "hours": [_interval(random)],
            }
        }
    hours = _interval(random)
    weekly = {day: [hours] for day in DAYS if random.random() < 0.8}
    found: dict[str, Any] = {"weekly": weekly or {"mon": [hours]}}
    if random.random() < 0.2:
        exception: dict[str, Any] = {"on": _day(setting, random.randint(0, 3)).isoformat()}
        if random.random() < 0.5:
            exception["hours"] = [_interval(random)]
        found["exceptions"] = [exception]
    return found


def _day(setting: Setting, days: int) -> date:
    return setting.base.date() + timedelta(days=days)


def _interval(random: Random) -> str:
    """Some hours of a day; one of them may cross midnight, or lie in a gap of the clocks."""
    begin, hours = random.choice((0, 1, 2, 6, 8, 9, 13, 22)), random.choice((1, 4, 8, 9, 12))
    minute = random.choice((0, 0, 30))
    return f"{begin:02}:{minute:02}-{(begin + hours) % 24:02}:{minute:02}"
