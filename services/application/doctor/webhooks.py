"""What the doctor says of those who are told by webhooks (A8.4): nothing while all is well."""

from collections.abc import AsyncIterator

from contracts.sentences import sentence
from services.application.doctor.finding import Diagnosis, passing, problem
from services.application.installation import Installation
from services.storage import webhook_targets
from services.storage.database import borrow


async def findings(installation: Installation) -> AsyncIterator[Diagnosis]:
    """Targets that were given up, and those that take nothing now."""
    async with borrow(installation.pool) as connection:
        troubled = await webhook_targets.troubled(connection)
    for target in troubled:
        subject = sentence("doctor.webhook_target", account=target.account_id, target=target.name)
        remedy = sentence("remedy.ping_target", target=target.name)
        if target.off_at is not None:
            why = sentence(f"webhooks.failure.{target.off_because}")
            found = sentence("doctor.webhook_target_off", since=target.off_at, why=why)
            yield problem(subject, found, remedy)
        elif target.failing_since is not None:
            found = sentence("doctor.webhook_target_failing", since=target.failing_since)
            yield passing(subject, found, remedy)
