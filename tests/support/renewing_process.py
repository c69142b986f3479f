"""Renews the token of one account and ends, to be killed in the middle.

python -m tests.support.renewing_process DSN ACCOUNT_ID
"""

import asyncio
import os
import sys

from services.oauth.endpoint import TokenEndpoint
from services.oauth.renewal import Renewal
from services.shared.failpoints import arm
from services.storage.accounts import AccountRegistry
from services.storage.database import open_pool
from tests.support.vault import VAULT


async def main(dsn: str, account_id: int) -> None:
    pool = await open_pool(dsn, size_max=2)
    renewal = Renewal(pool, VAULT, TokenEndpoint(allows_local=True))
    token = await AccountRegistry(pool, VAULT).token(account_id)
    await renewal.newer(account_id, token)
    await pool.close()


if __name__ == "__main__":
    arm(os.environ)
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
