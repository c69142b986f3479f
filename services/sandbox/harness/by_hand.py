"""The harness for a person: a widget shown at once, with an integration made for it."""

import secrets
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from services.sandbox.app import Sandbox
from services.sandbox.catalogue import Widget
from services.sandbox.harness.setting import CODE, HarnessOrder
from services.sandbox.oauth import Integration


def shown_by_hand(sandbox: Sandbox, archive: Path) -> str:
    """Show a widget in an account; what to open, and what its server has to know.

    Raises:
        ControlProblem: There is no such archive.
    """
    client_id = str(uuid.uuid4())
    harness, account = sandbox.harness, sandbox.account
    harness.show(HarnessOrder(archive=archive, client_id=client_id))
    known = account.widgets.get(CODE)
    if known is not None and known.client_uuid in sandbox.crm.oauth.integrations:
        harness.client_id = known.client_uuid  # the seed's
    else:
        parts = urlsplit(harness.server)
        integration = Integration(
            client_id=client_id,
            client_secret=secrets.token_urlsafe(48),
            redirect_uri=f"{parts.scheme}://{parts.netloc}/oauth/",
            name="Fairlead",
        )
        sandbox.crm.oauth.integrations[client_id] = integration
        account.widgets[CODE] = Widget(
            id=701 + len(account.widgets), code=CODE, client_uuid=client_id
        )
    chosen = sandbox.crm.oauth.integrations[harness.client_id]
    return (
        f"{sandbox.base_url}/harness\n"
        f"client id {chosen.client_id}\n"
        f"client secret {chosen.client_secret}\n"
        f"redirect address {chosen.redirect_uri}\n"
    )
