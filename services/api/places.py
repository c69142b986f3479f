"""Ids in paths and bodies."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.web.models import Input

# Kommo's ids are far below; beyond it, JSON of browsers is not exact.
ID_MAX = 2**53 - 1

ManagerId = Annotated[
    int, Path(ge=1, le=ID_MAX, description="Kommo's id of the user.", examples=[501])
]
LeadId = Annotated[
    int, Path(ge=1, le=ID_MAX, description="Kommo's id of the lead.", examples=[900016])
]
KommoId = Annotated[int, Field(ge=1, le=ID_MAX)]


class StageRef(Input):
    """A stage of a pipeline."""

    pipeline_id: KommoId = Field(description="Kommo's id.", examples=[7000001])
    stage_id: KommoId = Field(description="Kommo's id.", examples=[61000002])
