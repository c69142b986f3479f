"""A projection is handed the events that it says it acts on, and acts on no others."""

from typing import Any

import pytest

from services.projector.registry import PROJECTIONS, Projection
from tests.golden.replay import files, read
from tests.projections.history import story
from tests.projections.kit import ACCOUNT


class Untouchable:
    """A connection that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.NAME)
async def test_I9_a_projection_ignores_all_events_that_it_does_not_name(
    projection: Projection,
) -> None:
    log = [each for seed in (1, 2, 3) for each in story(seed=seed, messages=400).log]
    log += [recorded for file in files([]) for _, answer in read(file).steps for recorded in answer]
    others = [each for each in log if type(each.event) not in projection.EVENTS]

    for each in others:
        await projection.project(Untouchable(), ACCOUNT, [each])  # type: ignore[arg-type]

    assert len({type(each.event) for each in others}) > 10
    assert {type(each.event) for each in log} >= projection.EVENTS, "each is named for a reason"
