"""The database was restored, by other means than a copied folder (F79)."""

import structlog

from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.restorations import Restorations

log = structlog.get_logger(__name__)


async def restored(installation: Installation, principal: Principal) -> int:
    """Have every account read in full, and pushes checked for an hour; how many accounts.

    Raises:
        Refused: They may not.
    """
    principal.require("operate")
    await Restorations(installation.pool).record(principal.id)
    log.warning("backup_restored", by=principal.id)
    return len(await installation.accounts.all())
