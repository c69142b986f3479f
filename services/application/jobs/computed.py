"""The jobs that answer with a record: what-if, replay, audit of another widget."""

from datetime import UTC, datetime

import msgspec

from services.application.audit.account import audit
from services.application.jobs.asked import ReplayAsked, ShadowAuditAsked, WhatIfAsked
from services.application.jobs.work import Computations, JobAtWork
from services.application.rules import draft_of
from services.application.shadow.connected import shadow_of
from services.application.span import Span
from services.application.whatif.simulate import simulate


async def what_if(job: JobAtWork) -> None:
    """What drafts would have done."""
    asked = job.asked
    assert isinstance(asked, WhatIfAsked), "as its kind says"  # noqa: S101
    drafts = {name: draft_of(text.encode(), job.account) for name, text in asked.drafts.items()}
    span = Span(start=asked.start, end=asked.end)
    found = await simulate(
        job.installation, job.account, job.principal, drafts, span, progress=job.output.tell
    )
    await job.output.write(msgspec.json.encode(found))


async def replay(job: JobAtWork) -> None:
    """Whether a history is what it was."""
    asked = job.asked
    assert isinstance(asked, ReplayAsked), "as its kind says"  # noqa: S101
    found = await audit(
        job.installation,
        job.account,
        job.principal,
        first=asked.first,
        last=asked.last,
        progress=job.output.tell,
    )
    await job.output.write(msgspec.json.encode(found))


async def shadow_audit(job: JobAtWork) -> None:
    """How fair another widget is."""
    asked = job.asked
    assert isinstance(asked, ShadowAuditAsked), "as its kind says"  # noqa: S101
    found = await shadow_of(
        job.installation,
        job.account,
        job.principal,
        start=asked.start.isoformat(),
        end=asked.end.isoformat(),
        now=datetime.now(UTC),
        progress=job.output.tell,
    )
    await job.output.write(msgspec.json.encode(found))


RECORDS: Computations = {"what_if": what_if, "replay": replay, "shadow_audit": shadow_audit}
