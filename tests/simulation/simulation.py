"""One seed: everything is drawn from it, it happens, faults stop, it settles, and is judged."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from pydantic import SecretStr

from contracts.inbound import ApplyRules
from services.gateway.ports import ConnectedAccount
from services.sandbox.clock import SandboxClock
from services.sandbox.crm import Crm, crm_of
from services.sandbox.knobs import Knobs
from services.shared.secrets import digest_of
from tests.simulation.accounts import draw_account, draw_rules, draw_setting
from tests.simulation.checks import judge, unsettled
from tests.simulation.faults import Faults
from tests.simulation.loop import SimulatedLoop, Stuck
from tests.simulation.network import HookPost, KommoServer, KommoTransport, Line
from tests.simulation.people import People
from tests.simulation.quiet import quiet
from tests.simulation.roles import Habits, Installation, Node, describe
from tests.simulation.trace import Trace
from tests.simulation.weather import Weather

HOUR = 3_600.0
HORIZONS_S = (
    HOUR / 4,
    HOUR / 4,
    HOUR,
    HOUR,
    HOUR,
    3 * HOUR,
    3 * HOUR,
    12 * HOUR,
    30 * HOUR,
    168 * HOUR,
)
HOOK_COUNTS = {
    "hook.lost": "changes_dropped",
    "hook.duplicated": "hooks_duplicated",
    "hook.switched_off": "hooks_disabled",
}
SETTLES_S = 60 * HOUR
BACKLOGS = 0.08


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a seed.

    Attributes:
        findings: What was promised and did not hold; empty for a good seed.
        faults: Kind to how often it happened.
        digest: Of the whole history.
        virtual_s: How long it lasted.
    """

    seed: int
    findings: tuple[str, ...]
    faults: Counter[str]
    digest: str
    virtual_s: float
    steps: int
    events: int


def simulate(seed: int, *, words: Callable[[str], None] | None = None) -> Outcome:
    """Run one seed, which takes a fraction of a second, and no time of the machine's clock."""
    gc_was_on = gc.isenabled()
    gc.disable()
    try:
        simulation = _Simulation(seed, words)
        with quiet(simulation.tell if words else None):
            return simulation.run()
    finally:
        if gc_was_on:
            gc.enable()


class _Simulation:
    """All that is drawn from a seed, put together."""

    def __init__(self, seed: int, words: Callable[[str], None] | None) -> None:
        self.seed = seed
        random = self._random("plan")
        self.random = random
        self.loop = SimulatedLoop(self._random("order"))
        self.faults = Faults()
        self.trace = Trace(self.loop.time, words)
        self.setting = draw_setting(random, random.choice(HORIZONS_S))
        if self.setting.has_change_of_clocks:
            self.faults.note("dst.night")
        self.line = Line(self._random("line"), self.faults)
        self.servers: dict[str, KommoServer] = {}
        self.ours = Installation(
            loop=self.loop,
            habits=self._habits(random),
            base=self.setting.base,
            random=self._random("ours"),
            faults=self.faults,
            trace=self.trace,
            transport=KommoTransport(self.servers, self.line, self.trace),
        )
        self.posts: list[HookPost] = []
        self.crms: list[Crm] = []
        self.people: list[People] = []
        for number in range(1 if random.random() < 0.8 else 2):
            self._connect(number)
        scenes = sorted(
            random.uniform(30, self.setting.horizon_s) for _ in range(random.randint(1, 4))
        )
        self.weather = Weather(
            random=self._random("weather"),
            faults=self.faults,
            ours=self.ours,
            knobs=[crm.knobs for crm in self.crms],
            line=self.line,
            harness=self.loop.harness,
            scenes=scenes,
            next_lead_ids=[partial(getattr, crm.account, "next_lead_id") for crm in self.crms],
        )
        self.scenes = scenes

    def run(self) -> Outcome:
        """Let it happen."""
        findings = self.ours.findings
        try:
            self.loop.run(self._play())
        except Stuck as stuck:
            findings.append(f"stuck: {stuck}")
        self._count_hooks()
        findings += [_error_of(context) for context in self.loop.errors]
        return Outcome(
            seed=self.seed,
            findings=tuple(findings),
            faults=self.faults.counts,
            digest=self.trace.digest(),
            virtual_s=self.loop.time(),
            steps=self.loop.steps,
            events=sum(self.ours.store.heads().values()),
        )

    def _count_hooks(self) -> None:
        for crm in self.crms:
            counts = crm.journal.counts
            for kind, name in HOOK_COUNTS.items():
                if counts[name]:
                    self.faults.note(kind)
            first = [row.number for row in crm.journal.deliveries if row.attempt == 1]
            if first != sorted(first):
                self.faults.note("hook.delayed")

    async def _play(self) -> None:
        try:
            await self._live()
            self.weather.clear()
            self.trace.note("calm")
            await self._settle()
        except Exception as error:  # noqa: BLE001 - a bug of the harness is a finding, too
            self.ours.findings.append(f"harness: {describe(error)}")
            return
        self.ours.findings += judge(self.ours, self.people)

    async def _live(self) -> None:
        for node in self.ours.nodes.values():
            self._start(node)
        for people in self.people:
            people.order(
                ApplyRules(rules=draw_rules(self.random, people.crm.account, self.setting), by="a")
            )
        self.weather.break_out()
        self.loop.harness.spawn(self._flood())
        moments = [
            max(0.0, self.random.choice(self.scenes) + self.random.expovariate(1 / 15.0))
            for _ in range(self.random.randint(5, 60))
        ]
        for moment in sorted(moments):
            await self._until(moment)
            self.random.choice(self.people).act()
        await self._until(self.setting.horizon_s)

    async def _flood(self) -> None:
        """In some seeds more comes at once than Kommo takes for a while."""
        random = self._random("backlog")
        if random.random() < BACKLOGS:
            await self._until(random.choice(self.scenes))
            random.choice(self.people).flood()

    async def _until(self, moment: float) -> None:
        now = self.loop.time()
        if moment > now:
            await asyncio.sleep(moment - now)

    async def _settle(self) -> None:
        """Wait until nothing is under way any more, for a bounded time."""
        calm_since = self.loop.time()
        step_s = max(30.0, self.ours.habits.poll_s)
        left = ["nothing was looked at"]
        while left and self.loop.time() - calm_since < SETTLES_S:
            # Not in step with timers, which would be due at every look.
            await asyncio.sleep(step_s * self.random.uniform(1.0, 1.1))
            left = unsettled(self.ours, self.crms, calm_since)
        if left:
            self.ours.findings.append(f"does not settle: {', '.join(left)}")

    def _start(self, node: Node) -> None:
        process = self.ours.start(node)
        delay_s = self.random.choice((0.1, 2.0, 30.0, 300.0)) * self.random.random()
        process.on_death.append(lambda: self._died(node, delay_s))

    def _died(self, node: Node, delay_s: float) -> None:
        self.trace.note("died", node.name)
        for role in node.roles:
            self.faults.note(f"crash.{role}")
        self.loop.call_later(delay_s, self._restart, node, context=self.loop.harness.context)

    def _restart(self, node: Node) -> None:
        if not node.is_up:
            self._start(node)

    def _connect(self, number: int) -> None:
        """One more account, connected."""
        token, secret = f"token-{number}", f"secret-{number}"
        account = draw_account(
            self.random,
            number,
            self.setting,
            hooks_url=f"https://hooks.example.test/kommo/{secret}/",
            token=token,
        )
        post = HookPost(self.line, self.trace, lambda: self.ours.door)
        base = self.setting.base.timestamp()
        skew_s = self.random.choice((0.0, 0.0, self.random.uniform(-1, 1)))
        self.ours.skew_max_s += abs(skew_s)
        crm = crm_of(
            account,
            self._knobs(),
            clock=SandboxClock(lambda: base + self.loop.time() + skew_s, self.loop.time),
            post=post,
        )
        host = f"{account.subdomain}.kommo.com"
        process = self.loop.process(host)
        self.servers[host] = KommoServer(crm, process, self.ours.on_patch)
        self.ours.registry.accounts[account.id] = ConnectedAccount(
            account_id=account.id,
            base_url=f"https://{host}",
            token=SecretStr(token),
            webhook_digest=digest_of(SecretStr(secret)),
        )
        self.crms.append(crm)
        self.posts.append(post)
        people = People(
            crm=crm,
            setting=self.setting,
            random=self._random(f"people-{number}"),
            faults=self.faults,
            trace=self.trace,
            process=self.loop.process(f"people-{number}"),
            writer=self.ours.writer(),
            now=self._now,
            repeats=self._random(f"repeats-{number}"),
            side=self._random(f"side-{number}"),
            events=lambda: self.ours.store.events[account.id],
        )
        for _ in range(self.random.randint(0, 6)):
            people.new_lead(silent=True)
        self.people.append(people)

    def _now(self) -> datetime:
        return self.setting.base + timedelta(seconds=self.loop.time())

    def _knobs(self) -> Knobs:
        random = self.random
        return Knobs(
            seed=self.seed,
            latency_max_ms=random.choice((0, 50, 500)),
            delay_max_ms=random.choice((0, 200, 3_000)),
            api_author=random.choice(("robot", "token_user")),
            account_block=random.choice(("first", "last")),
            one_body=random.random() < 0.5,
            update_first=random.random() < 0.5,
            leads_per_body=random.choice((1, 3, 50)),
            dp_json=random.random() < 0.2,
            dp_plain_retries=random.choice((0, 4)),
            dp_widget_retries=random.choice((0, 4)),
            show_deactivated=random.random() < 0.5,
            retry_after_s=random.choice((None, 1, 300)),
            too_many_body=random.choice(("problem", "text")),
            timeout_status=random.choice((0, 499)),
            delivery_concurrency=8,
        )

    def _habits(self, random: Random) -> Habits:
        horizon_s = self.setting.horizon_s
        return Habits(
            is_embedded=random.random() < 0.3,
            partitions=random.choice((0, 0, 1, 3)),
            poll_s=min(max(random.choice((10.0, 30.0)), horizon_s / 30), HOUR / 2),
            sweep_s=max(120.0, horizon_s / 10),
            full_sweep_s=min(max(HOUR / 6, horizon_s / 4), 6 * HOUR),
            describe_s=max(HOUR, horizon_s / 4),
            batch_messages=random.choice((1, 3, 20, 200)),
            batch_events=random.choice((3, 20, 500)),
            snapshot_every=random.choice((5, 20, 100)),
            push_batch=random.choice((1, 3, 50)),
            push_flights=random.choice((1, 2)),
            fresh_s=random.choice((5.0, 60.0)),
            gateways=self._random("gateways").choice((1, 2, 2, 3)),
        )

    def _random(self, purpose: str) -> Random:
        return Random(f"{self.seed}/{purpose}")

    def tell(self, event: Mapping[str, object]) -> None:
        """Put a line of the log into words."""
        words = " ".join(f"{key}={value}" for key, value in event.items() if key != "event")
        self.trace.remark(f"{event.get('event')} {words}")


def _error_of(context: dict[str, object]) -> str:
    error = context.get("exception")
    return (
        f"{context.get('message')}: {describe(error) if isinstance(error, BaseException) else ''}"
    )
