"""Operations: what needs whoever keeps the installation, read models, gaps, sources (W4.13)."""

import asyncio
import shutil
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from contracts.sentences import Sentence, sentence
from services.application import dead_letters, gaps
from services.application.doctor.examine import examine
from services.application.gaps import StoppedPartition
from services.application.installation_view import read_models, sources
from services.application.projections import ask_rebuild, asked_rebuilds
from services.application.refused import Refused
from services.console.gathering import Gathering
from services.console.operations import (
    FindingLine,
    finding_line,
    foreseen,
    gap_line,
    letter_reason_line,
    read_model_line,
    sorted_findings,
)
from services.console.pages import installation_page
from services.console.portions import First, portion
from services.console.receipts import SignedBy, signed_at, signed_receipt
from services.console.seeing import InInstallation, SeeingInstallation

router = APIRouter()

BASE = "/operations"
GIB = 1024**3
# As many as leave what comes below them in reach of a thumb.
REASONS_AT_ONCE = 10
TOLD: Mapping[str, Sentence] = {
    "asked": sentence("console.operations.asked"),
    "resumed": sentence("console.operations.resumed"),
}
Offset = Annotated[str, Query(max_length=20)]


@router.get(BASE)
async def get_operations(
    who: InInstallation, signature: SignedBy, told: str = "", first: First = 0
) -> Response:
    """Everything that is looked at, what needs somebody first."""
    here = (who.installation, who.principal)
    gathering = Gathering(who)
    findings = await gathering.part("findings", _findings(who))
    asked = await gathering.part("asked", asked_rebuilds(*here)) or {}
    disk = await gathering.part("disk", asyncio.to_thread(shutil.disk_usage, who.installation.data))
    letters = await gathering.part("letters", dead_letters.reasons(*here))
    shown, part = portion(
        letters or (), first, address="?first={}#letters".format, size=REASONS_AT_ONCE
    )
    stopped = await gathering.part("gaps", _stopped(who))
    models = await gathering.part("models", read_models(*here))
    return installation_page(
        "operations.html",
        who,
        here="operations",
        told=await signed_receipt(who, [TOLD[told]] if told in TOLD else [], signature),
        failed=gathering.failed,
        needed=sorted_findings(findings or []),
        findings=findings or (),
        reasons=[letter_reason_line(who, each) for each in shown],
        reasons_part=part,
        gaps=[gap_line(who, each) for each in stopped or ()],
        models=[read_model_line(who, each, asked.get(each.name)) for each in models or ()],
        sources=await gathering.part("sources", sources(*here)) or (),
        disk_free=f"{disk.free / GIB:.1f} GiB" if disk else "",
        disk_percent=round(100 * disk.free / disk.total) if disk else 0,
    )


@router.post(BASE + "/projections/{name}/rebuild")
async def post_rebuild(who: InInstallation, name: str) -> Response:
    """Have a read model made anew."""
    await ask_rebuild(who.installation, who.principal, name)
    return signed_at(who, BASE, told="asked")


@router.get(BASE + "/gaps/{partition}")
async def get_gap(who: InInstallation, partition: int, at: Offset = gaps.EARLIEST) -> Response:
    """What letting a partition go on comes to."""
    planned = await gaps.plan(
        who.installation, who.principal, partition, at=gaps.offset_from(at.strip())
    )
    return installation_page(
        "gap.html",
        who,
        here="operations",
        partition=partition,
        at=planned.position,
        position=planned.place.position,
        lines=foreseen(who, planned),
    )


@router.post(BASE + "/gaps/{partition}/resume")
async def post_resume(
    who: InInstallation,
    partition: int,
    at: Annotated[int, Form(ge=0)],
    position: Annotated[int, Form(ge=0)],
) -> Response:
    """Let it go on, if it stands where it stood when somebody looked."""
    planned = await gaps.plan(who.installation, who.principal, partition, at=at)
    if planned.place.position != position:
        raise Refused("partition_moved", partition=partition, position=position)
    await gaps.resume(who.installation, who.principal, planned)
    return signed_at(who, BASE, told="resumed")


async def _findings(who: SeeingInstallation) -> list[FindingLine]:
    return [finding_line(who, each) async for each in examine(who.installation, who.principal)]


async def _stopped(who: SeeingInstallation) -> list[StoppedPartition]:
    """Partitions that stand still; none where the log is in the database."""
    if who.installation.kafka is None:
        return []
    return await gaps.stopped(who.installation, who.principal)
