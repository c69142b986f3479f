"""SIGKILL at every named point, under load; the history shows nothing of it (C2, F1 to F10)."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.demo.local_cluster import LocalProcess
from services.shared.failpoints import POINTS
from tests.support.campaign import Tally, rounds
from tests.support.cluster import Cluster, cluster
from tests.support.hook_target import hook_target
from tests.support.running import running
from tests.system.killing import KNOBS, Everything, Killing

AWAY_S = 3.0
# Side by side on the cores of a test run.
ROLES = (("ingress", "spool"), ("allocator", "projector"), ("gateway", "sweep", "clock"))
OVER_KAFKA_ONLY = ("allocator.before_commit_offset", "relay.after_send")
# Where the distributed installation has other code, or other processes that must notice.
OVER_KAFKA = (
    *("spool.after_send", "allocator.after_append", "projector.in_tx", "gateway.after_send"),
    *("clock.after_emit", *OVER_KAFKA_ONLY),
)
POINTS_OF: dict[tuple[str, ...], list[str]] = {
    roles: [
        point
        for point in POINTS
        if point.partition(".")[0] in roles and point not in OVER_KAFKA_ONLY
    ]
    for roles in ROLES
}


# Where a command's answer is lost, and where tokens are renewed: killed at in test_api_repeats,
# tests/services/oauth/test_renewal.
ELSEWHERE = ("api.after_commit", "token.before_request", "token.after_response")


def test_every_point_is_killed_at() -> None:
    killed_at = {point for points in POINTS_OF.values() for point in points} | set(OVER_KAFKA)

    assert sorted(killed_at | set(ELSEWHERE)) == sorted(POINTS)


@pytest.mark.fault
@pytest.mark.parametrize("roles", ROLES, ids="-".join)
async def test_F1_F2_F3_F4_F5_F7_F8_F9_F10_killed_at_each_point_it_keeps_every_promise(
    tmp_path: Path,
    roles: tuple[str, ...],
    chance: random.Random,
    judged: Callable[[Tally], None],
) -> None:
    async with running(tmp_path, knobs=_knobs()) as system, hook_target() as target:
        await system.tell_people()
        await system.tell_others(target.url)
        everything = Everything(system)
        killing = Killing(system, lambda _: everything, target)
        for point in chance.sample(POINTS_OF[roles], len(POINTS_OF[roles])):
            await killing.kill_at(point, chance)

        judged(await killing.end())


@pytest.mark.fault
async def test_F2_F3_F4_F5_F8_F9_F10_roles_killed_at_points_over_kafka_keep_every_promise(
    tmp_path: Path, chance: random.Random, judged: Callable[[Tally], None]
) -> None:
    points = OVER_KAFKA if rounds() == 1 else [each for each in POINTS if each not in ELSEWHERE]
    async with (
        cluster(tmp_path, counts={"allocator": 1}, knobs=_knobs()) as system,
        hook_target() as target,
    ):
        await system.tell_people()
        await system.tell_others(target.url)
        port = (await system.process("ingress-1").address()).rpartition(":")[2]
        system.process("ingress-1").options = (f"--port={port}",)  # where Kommo sends its hooks
        roles = {
            name: RoleOf(system, process, process.environment)
            for name, process in system.roles.processes.items()
        }
        killing = Killing(
            system, lambda point: roles[f"{ROLE_OF[point.partition('.')[0]]}-1"], target
        )
        for point in chance.sample(points, len(points)):
            await killing.kill_at(point, chance)

        judged(await killing.end())


ROLE_OF = {
    "ingress": "ingress",
    "spool": "ingress",
    "allocator": "allocator",
    "relay": "allocator",
    "projector": "projector",
    "gateway": "gateway",
    "sweep": "gateway",
    "clock": "clock",
}


@dataclass(frozen=True, slots=True)
class RoleOf:
    """One role of a distributed installation, a process of its own."""

    system: Cluster
    process: LocalProcess
    environment: Mapping[str, str]

    async def start(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        await self.process.stop()
        self.process.environment = {**self.environment, **environment}
        await self.process.start()
        if "ingress" in self.process.roles:
            await self.process.address()
        assert self.process.process is not None
        return self.process.process

    async def lose_its_log(self) -> None:
        for broker in self.system.brokers:
            broker.suspend()
            asyncio.get_running_loop().call_later(AWAY_S, broker.resume)


def _knobs() -> dict[str, object]:
    """In the long form Kommo loses webhooks, too: the sweep has to find those leads."""
    return {**KNOBS, "drop_fraction": 0.1 if rounds() > 1 else 0.0}
