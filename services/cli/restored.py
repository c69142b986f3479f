"""`fairlead restored`: the database was restored, by other means than a copied folder (F79)."""

import structlog

from services.cli.administrator import administrator
from services.cli.installation import Installation
from services.storage.restorations import Restorations

log = structlog.get_logger(__name__)


async def restored(installation: Installation) -> str:
    """Have every account read in full, and pushes checked for an hour; what to tell the person."""
    by = administrator()
    await Restorations(installation.pool).record(by)
    log.warning("backup_restored", by=by)
    accounts = len(await installation.accounts.all())
    return (
        f"Noted. All leads of {accounts} account(s) are read in Kommo by the running gateway, or"
        " when it starts; whoever was given a lead since the backup keeps it."
    )
