"""The integrations that accounts may let in: what Kommo calls a client, by its id and secret."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr

from services.access.settings import is_safe
from services.application.installation import Installation
from services.application.people.inviting import address_of
from services.application.principal import Principal
from services.application.refused import Refused
from services.shared.logs import hide
from services.storage.integrations import Integrations, RegisteredIntegration

# Where people, and Kommo itself, come back with a code; and where Kommo tells that it is over.
REDIRECT_PATH = "/oauth/kommo"
UNINSTALL_PATH = "/oauth/kommo/uninstall"

_CLIENT_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")
_SECRET = re.compile(r"[!-~]{8,200}")
_NAME_MAX = 60


def redirect_of(installation: Installation) -> str:
    """What has to stand in Kommo as the redirect of an integration of this installation."""
    return address_of(installation) + REDIRECT_PATH


def uninstall_of(installation: Installation) -> str:
    """What has to stand there as the address that is told when an account disables it."""
    return address_of(installation) + UNINSTALL_PATH


async def register_integration(
    installation: Installation,
    principal: Principal,
    *,
    client_id: str,
    secret: SecretStr,
    name: str = "",
    redirect_uri: str = "",
) -> RegisteredIntegration:
    """Make an integration known, or give one another secret, name or redirect.

    Args:
        installation: Where.
        principal: Who may operate it.
        client_id: As Kommo shows it.
        secret: The same; kept sealed.
        name: For people; its id without one.
        redirect_uri: As it stands in Kommo, to the letter; this installation's own without one.

    Raises:
        Refused: They may not, or one of these cannot be right.
    """
    hide(secret)
    principal.require("operate")
    redirect = redirect_uri or redirect_of(installation)
    if _CLIENT_ID.fullmatch(client_id) is None:
        raise Refused("client_id_unusable", text=client_id)
    if _SECRET.fullmatch(secret.get_secret_value()) is None:
        raise Refused("client_secret_unusable")
    if not is_safe(redirect) or not redirect.isascii() or urlsplit(redirect).query:
        raise Refused("redirect_unusable", text=redirect)
    called = " ".join(name.split())[:_NAME_MAX] or client_id
    store = _store(installation)
    await store.put(
        client_id, name=called, secret=secret, redirect_uri=redirect, made_by=principal.id
    )
    found = await store.with_secret(client_id)
    if found is None:
        raise Refused("integration_unknown", client=client_id)
    return found[0]


async def integrations(
    installation: Installation, principal: Principal
) -> Sequence[RegisteredIntegration]:
    """All that are known, by name.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await _store(installation).all()


async def remove_integration(
    installation: Installation, principal: Principal, client_id: str
) -> None:
    """Forget one, with its secret.

    Raises:
        Refused: They may not, there is none of that id, or accounts are still let in by it.
    """
    principal.require("operate")
    store = _store(installation)
    if await store.remove(client_id):
        return
    if any(each.client_id == client_id for each in await store.all()):
        raise Refused("integration_in_use", client=client_id)
    raise Refused("integration_unknown", client=client_id)


def _store(installation: Installation) -> Integrations:
    return Integrations(installation.pool, installation.accounts.vault)
