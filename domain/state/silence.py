"""Triggers of the widget that did not tell of leads which came into their stage (D1.8)."""

from datetime import datetime, timedelta

from contracts.stage import Stage
from domain.state.rows import Row, Unchanging, instant, micros

# After so many in a row a trigger counts as deleted.
UNHEARD_MAX = 3
# How long the trigger's hook may be on its way after the account's: Kommo's first two tries.
ON_ITS_WAY = timedelta(minutes=10)


class Silence(Unchanging, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        came: When leads came of which it did not tell; the first ones.
        is_total: Its rule takes no lead there any more.
    """

    came: tuple[datetime, ...]
    is_total: bool = False


Silences = dict[tuple[str, Stage], Silence]
WrittenSilence = tuple[str, int, int, tuple[int, ...], bool]


def dump_silences(silences: Silences) -> list[Row]:
    """As a snapshot has them, in order."""
    return [
        [rule_id, *stage, [micros(at) for at in silence.came], silence.is_total]
        for (rule_id, stage), silence in sorted(silences.items())
    ]


def load_silences(written: tuple[WrittenSilence, ...]) -> Silences:
    """The other way round."""
    return {
        (rule_id, Stage(pipeline_id, status_id)): Silence(
            came=tuple(instant(at) for at in came), is_total=is_total
        )
        for rule_id, pipeline_id, status_id, came, is_total in written
    }
