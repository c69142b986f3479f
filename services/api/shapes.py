"""Shapes that several resources have in common."""

from pydantic import Field

from contracts.stage import Stage
from services.web.models import Output


class StageShape(Output):
    """A stage of a pipeline."""

    pipeline_id: int = Field(description="Kommo's id.", examples=[7000001])
    stage_id: int = Field(description="Kommo's id.", examples=[61000002])


def shape_of(stage: Stage) -> StageShape:
    """A stage as it is answered."""
    return StageShape(pipeline_id=stage.pipeline_id, stage_id=stage.status_id)


def stage_shape(stage: Stage | None) -> StageShape | None:
    """The same where there may be none."""
    return None if stage is None else shape_of(stage)
