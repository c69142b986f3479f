"""A stage of a pipeline."""

from typing import NamedTuple

WON = 142
LOST = 143
CLOSED_STATUSES = (WON, LOST)


class Stage(NamedTuple):
    """The pair that names a stage: 142 (won) and 143 (lost) repeat in every pipeline."""

    pipeline_id: int
    status_id: int
