"""The bad days of a seed: which kinds of faults there are, and when they begin and end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from services.sandbox.knobs import Knobs
from tests.simulation.faults import Faults
from tests.simulation.group import SESSION_S
from tests.simulation.loop import Process
from tests.simulation.network import Line
from tests.simulation.roles import ROLES, Installation, Node

# Kinds that a person or the account itself brings about; no weather.
CRASHES = (*(f"crash.{role}" for role in ROLES), "crash.everything")
ON_THE_LINE = (
    "hook.refused",
    "hook.unanswered",
    "kommo.429",
    "kommo.blocked",
    "kommo.stopped",
    "kommo.5xx",
    "kommo.5xx_done",
    "kommo.unreachable",
    "kommo.unknown",
)
ON_PEERS = ("down", "slow", "unknown")
OTHERS = (
    "freeze",
    "zombie",
    "log.repeats",
    "spool.full",
    "hook.lost",
    "hook.duplicated",
    "hook.delayed",
    "hook.switched_off",
    "kommo.refuses_lead",
    "clock.skew",
    "clock.jump",
    "bells.lost",
    "gateway.expelled",
)
# What needs a call to Kommo at the right moment, and so happens less often than it is there.
STUBBORN = (*(kind for kind in ON_THE_LINE if kind.startswith("kommo.")), "kommo.refuses_lead")
# Met less often than it is there, too: a gateway that wakes has to have something to do.
SELDOM = (*STUBBORN, "gateway.expelled")
WRITES = ("kommo.5xx_done", "kommo.refuses_lead")  # of these calls, only those that change leads
WEATHERS = (
    *CRASHES,
    *ON_THE_LINE,
    *(f"{peer}.{trouble}" for peer in ("log", "database") for trouble in ON_PEERS),
    *OTHERS,
)


@dataclass
class Weather:
    """Brings the faults of a seed over it, and takes them away in the end."""

    random: Random
    faults: Faults
    ours: Installation
    knobs: list[Knobs]
    line: Line
    harness: Process
    scenes: list[float]
    next_lead_ids: list[Callable[[], int]]
    is_over: bool = False
    skews: dict[int, float] = field(default_factory=dict)

    def break_out(self) -> None:
        """Draw what there will be, and let it begin in time."""
        likely = self.random.choice((0.1, 0.2, 0.4))
        enabled = [
            kind
            for kind in WEATHERS
            if self.random.random() < likely * (1 + (kind in SELDOM) + (kind in WRITES))
        ]
        for kind in enabled:
            for _ in range(self.random.choice((1, 1, 2, 3))):
                begins = max(0.0, self.random.choice(self.scenes) + self.random.uniform(-20, 20))
                lasts = self.random.choice((10, 60, 300, 1_000, 4_000)) * self.random.random()
                if kind == "gateway.expelled":
                    lasts += 2 * SESSION_S
                    begins = max(0.0, begins - 2 * SESSION_S)
                if kind in STUBBORN:
                    lasts = max(lasts, 3_000.0 if kind in WRITES else 600.0)
                self.harness.spawn(self._pass_by(kind, begins, lasts))

    async def _pass_by(self, kind: str, begins: float, lasts: float) -> None:
        await asyncio.sleep(begins)
        if not self.is_over:
            self.ours.trace.note("weather", kind, round(lasts, 3))
            end = self._begin(kind)
            if kind in ("freeze", "zombie", "gateway.expelled"):
                self.ours.frozen_s += lasts
            await asyncio.sleep(lasts)
            self.ours.trace.note("weather ends", kind)
            end()

    def clear(self) -> None:
        """Nothing is wrong any more, from now on."""
        self.is_over = True
        ours = self.ours
        ours.database.heal()
        ours.log_peer.heal()
        ours.bells.lost = ours.repeats = 0.0
        ours.spool.is_full = False
        self.line.bad.clear()
        if ours.group is not None:
            ours.group.let_through()
        for knobs in self.knobs:
            knobs.turn(
                {
                    "drop_fraction": 0.0,
                    "duplicate_fraction": 0.0,
                    "delay_max_ms": 0,
                    "refuse_lead_ids": (),
                    "disable_after": 100,
                }
            )
        for zombie in ours.zombies:
            zombie.kill()
        for node in ours.nodes.values():
            node.skew_s = 0.0
            if node.process is None or not node.process.is_alive:
                ours.start(node)
            else:
                node.process.dies_at = -1
                node.process.skew_s = 0.0
                node.process.thaw()

    def _begin(self, kind: str) -> Callable[[], None]:
        """Let it begin; returns what ends it."""
        if kind in CRASHES:
            return self._crash(kind.partition(".")[2])
        if kind in ON_THE_LINE:
            self.line.bad[kind] = self.random.choice((0.2, 0.6, 1.0))

            def mend() -> None:
                self.line.bad.pop(kind, None)

            return mend
        peer, _, trouble = kind.partition(".")
        if peer in ("log", "database") and trouble in ON_PEERS:
            return self._peer(peer, trouble)
        begin: Callable[[], Callable[[], None]] = getattr(self, "_" + kind.replace(".", "_"))
        return begin()

    def _peer(self, name: str, trouble: str) -> Callable[[], None]:
        peer = self.ours.database if name == "database" else self.ours.log_peer
        if trouble == "down":
            peer.is_down, peer.is_hanging = True, self.random.random() < 0.4
        elif trouble == "slow":
            peer.slow_s = self.random.choice((0.3, 2.0, 8.0))
        else:
            peer.lost_answers = self.random.choice((0.1, 0.5, 0.9))
        return peer.heal

    def _crash(self, role: str) -> Callable[[], None]:
        """Death at some step soon; the supervisor starts it again."""
        ours = self.ours
        nodes = list(ours.nodes.values()) if role == "everything" else [self._one_of(role)]
        if role == "everything":
            self.faults.note("crash.everything")
            for node in nodes:
                if node.process is not None:
                    node.process.kill()
            return _nothing
        for node in nodes:
            if node.process is not None:
                node.process.dies_at = (
                    node.process.steps
                    + 1
                    + int(self.random.choice((10, 100, 400)) * self.random.random())
                )

        def end() -> None:
            for node in nodes:
                if node.process is not None:
                    node.process.dies_at = -1

        return end

    def _freeze(self) -> Callable[[], None]:
        return self._stop(self._some_node())

    def _gateway_expelled(self) -> Callable[[], None]:
        """A gateway sleeps for longer than a session, or hears nothing of its group (F14, F20)."""
        node, group = self._one_of("gateway"), self.ours.group
        if group is None or node.process is None or self.random.random() < 0.3:
            return self._stop(node)
        group.cut_off(node.process)
        return group.let_through

    def _stop(self, node: Node) -> Callable[[], None]:
        process = node.process
        if process is None or not process.is_alive:
            return _nothing
        self.faults.note("freeze")
        process.freeze()
        return process.thaw

    def _zombie(self) -> Callable[[], None]:
        ours = self.ours
        self.faults.note("zombie")
        process = ours.node_of("allocator").process
        if process is not None and self.random.random() < 0.5:
            process.freeze()
        zombie = ours.start_zombie()

        def end() -> None:
            if process is not None:
                process.thaw()
            if self.random.random() < 0.5:
                zombie.kill()

        return end

    def _log_repeats(self) -> Callable[[], None]:
        self.ours.repeats = 0.5

        def end() -> None:
            self.ours.repeats = 0.0

        return end

    def _spool_full(self) -> Callable[[], None]:
        disk, log = self.ours.spool, self.ours.log_peer
        disk.is_full = log.is_down = True  # as long as the log answers nobody asks for room
        disk.on_full = lambda: self.faults.note("spool.full")

        def end() -> None:
            disk.is_full = log.is_down = False

        return end

    def _hook_lost(self) -> Callable[[], None]:
        return self._knob(drop_fraction=self.random.choice((0.2, 0.6, 1.0)))

    def _hook_duplicated(self) -> Callable[[], None]:
        return self._knob(duplicate_fraction=0.5, duplicate_copies=self.random.randint(1, 4))

    def _hook_delayed(self) -> Callable[[], None]:
        return self._knob(delay_max_ms=self.random.choice((1_000, 10_000, 600_000)))

    def _hook_switched_off(self) -> Callable[[], None]:
        return self._knob(disable_after=self.random.randint(0, 3))

    def _kommo_refuses_lead(self) -> Callable[[], None]:
        account = self.random.randrange(len(self.knobs))
        # Some that are there and some that will be.
        newest = self.next_lead_ids[account]()
        near = range(max(900_001, newest - 8), newest + 12)
        self.knobs[account].refuse_lead_ids = tuple(sorted(self.random.sample(near, 12)))

        def end() -> None:
            self.knobs[account].refuse_lead_ids = ()

        return end

    def _clock_skew(self) -> Callable[[], None]:
        self.faults.note("clock.skew")
        for node in self.ours.nodes.values():
            node.skew_s = self.random.uniform(-1, 1)
            self.ours.skew_max_s = max(self.ours.skew_max_s, 2.0)
            if node.process is not None:
                node.process.skew_s = node.skew_s
        return _nothing

    def _clock_jump(self) -> Callable[[], None]:
        self.faults.note("clock.jump")
        node = self._some_node()
        by_s = self.random.choice((-600, -30, 30, 600)) * self.random.random()
        self._set_clock(node, by_s)
        return lambda: self._set_clock(node, -by_s)

    def _bells_lost(self) -> Callable[[], None]:
        self.ours.bells.lost = 0.7

        def end() -> None:
            self.ours.bells.lost = 0.0

        return end

    def _set_clock(self, node: Node, by_s: float) -> None:
        node.skew_s += by_s
        if node is self.ours.node_of("gateway"):  # the database is on the same machine
            self.ours.database_skew_s += by_s
        self.ours.skew_max_s += abs(by_s)
        if node.process is not None:
            node.process.skew_s += by_s

    def _knob(self, **values: float) -> Callable[[], None]:
        knobs = self.random.choice(self.knobs)
        before = {name: getattr(knobs, name) for name in values}
        knobs.turn(values)
        return lambda: knobs.turn(before)

    def _one_of(self, role: str) -> Node:
        nodes = [node for node in self.ours.nodes.values() if role in node.roles]
        return nodes[0] if len(nodes) == 1 else self.random.choice(nodes)

    def _some_node(self) -> Node:
        return self.random.choice(list(self.ours.nodes.values()))


def _nothing() -> None:
    """It ended by itself."""
