"""Being let into an account by OAuth 2.0: the button, the installation of a widget, the end of it.

A person goes to Kommo with a `state` that only their browser can bring back, once, within ten
minutes. Kommo itself comes without one when a widget is installed: then the account is whichever
the token that it brings is for, and nothing that the call says of it (S15).
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlencode

import structlog
from pydantic import SecretStr

from contracts.kommo.oauth import claims_of
from services.application.connect import Connected, OnStep, Way, admit, nobody
from services.application.installation import Installation
from services.application.kommo import endpoint_of, renewal_of
from services.application.principal import Principal
from services.application.refused import Refused
from services.kommo.address import NoAddress
from services.kommo.errors import Unreachable
from services.oauth.endpoint import Client, ConsentRefused
from services.oauth.hosts import base_url_of, host_of
from services.shared.logs import hide
from services.shared.secrets import Unsealable
from services.storage.accounts import Admission
from services.storage.consent_states import AskedConsent, ConsentStates
from services.storage.integrations import Integrations

log = structlog.get_logger(__name__)

STATE_S = 600.0
CODE_LENGTH_MAX = 4_096
STATE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where to send a browser, and what it has to bring back beside the state."""

    url: str
    browser: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What Kommo sends back.

    Attributes:
        referer: The host of the account.
    """

    client_id: str
    code: SecretStr
    referer: str


async def depart(
    installation: Installation,
    principal: Principal,
    client_id: str,
    *,
    account_id: int | None = None,
) -> Departure:
    """Let somebody go to Kommo to let the integration in.

    Args:
        installation: Where.
        principal: Who may operate it, or connects the one account.
        client_id: Of the integration.
        account_id: The only account that it may be for; None for any.

    Raises:
        Refused: They may not, or there is no such integration.
    """
    principal.require("operate" if account_id is None else "access")
    known = await Integrations(installation.pool, installation.accounts.vault).all()
    if all(each.client_id != client_id for each in known):
        raise Refused("integration_unknown", client=client_id)
    state, browser = (SecretStr(secrets.token_urlsafe(32)) for _ in range(2))
    asked = AskedConsent(client_id=client_id, asked_by=principal.id, account_id=account_id)
    await ConsentStates(installation.pool).add(state, browser, asked, for_s=STATE_S)
    query = {"client_id": client_id, "state": state.get_secret_value(), "mode": "popup"}
    return Departure(url=f"{installation.kommo_address}/oauth?{urlencode(query)}", browser=browser)


async def come_back(
    installation: Installation,
    *,
    state: str,
    browser: str,
    brought: Return | None,
    public_url: str,
    on_step: OnStep = nobody,
) -> Connected:
    """Somebody is back from Kommo: connect the account that they let the integration into.

    Args:
        installation: Where.
        state: As Kommo gave it back.
        browser: What the browser kept of its departure.
        brought: None if they said no.
        public_url: Where Kommo reaches ingress.
        on_step: Told each step that has gone well.

    Raises:
        Refused: They did not leave from here, or not lately, or were here already; they said no;
            or the account cannot be connected.
    """
    asked = None
    if state.isascii() and len(state) <= STATE_LENGTH_MAX and len(browser) <= STATE_LENGTH_MAX:
        asked = await ConsentStates(installation.pool).spend(SecretStr(state), SecretStr(browser))
    if asked is None:
        raise Refused("consent_state")
    if brought is None:
        raise Refused("consent_denied")
    if brought.client_id != asked.client_id:
        raise Refused("consent_state")
    log.info("consent_given", client_id=asked.client_id, asked_by=asked.asked_by)
    return await by_code(
        installation,
        brought,
        public_url=public_url,
        only=asked.account_id,
        on_step=on_step,
    )


async def by_code(
    installation: Installation,
    brought: Return,
    *,
    public_url: str,
    only: int | None = None,
    on_step: OnStep = nobody,
) -> Connected:
    """Connect the account of a code; it is exchanged at the account's host, once.

    Raises:
        Refused: The host is none of Kommo's, the integration is unknown here, Kommo refuses the
            code, or the account cannot be connected. The secret goes to no other host (S14).
    """
    hide(brought.code)
    try:
        base_url = base_url_of(brought.referer, allows_local=installation.allows_simulation)
    except NoAddress as error:
        raise Refused("address_not_an_accounts", reason=error.told) from error
    client = await _client(installation, brought.client_id)
    try:
        pair = await endpoint_of(installation).by_code(base_url, client, brought.code)
    except ConsentRefused as error:
        log.warning("code_refused", status=error.status, hint=error.hint)
        raise Refused("code_refused", status=error.status) from error
    except Unreachable as error:
        raise Refused("kommo_away", host=host_of(base_url), reason=str(error)) from error
    hide(pair.refresh_token)
    admission = Admission(
        token=pair.access_token,
        expires_at=claims_of(pair.access_token).expires_at,
        client_id=client.client_id,
        refresh=pair.refresh_token,
    )
    way = Way(
        base_url=base_url,
        admission=admission,
        public_url=public_url,
        keeps_address=True,
        only=only,
        on_step=on_step,
    )
    return await admit(installation, way)


async def connect_by_code(
    installation: Installation,
    principal: Principal,
    brought: Return,
    *,
    public_url: str,
    on_step: OnStep = nobody,
) -> Connected:
    """The same for whoever has read the code off the keys of a private integration.

    Raises:
        Refused: They may not, or as `by_code`.
    """
    principal.require("operate")
    return await by_code(installation, brought, public_url=public_url, on_step=on_step)


async def uninstalled(
    installation: Installation, *, client_id: str, account_id: int, signature: str
) -> bool:
    """Kommo says that an account has disabled the integration: its tokens are destroyed (F57).

    Returns:
        Whether anything was left to destroy; told twice, the second time is none.

    Raises:
        Refused: It is not signed with the integration's secret (S16).
    """
    try:
        client = await _client(installation, client_id)
    except Refused:
        raise Refused("signature_wrong") from None
    expected = uninstall_signature(client_id, account_id, client.secret)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise Refused("signature_wrong")
    is_over = await renewal_of(installation).suspend(account_id, client_id)
    if is_over:
        log.error("account_suspended", account_id=account_id, because="uninstalled")
    return is_over


def uninstall_signature(client_id: str, account_id: int, secret: SecretStr) -> str:
    """As Kommo signs it: hex HMAC-SHA256 of `client id|account id` with the client's secret."""
    told = f"{client_id}|{account_id}".encode()
    return hmac.new(secret.get_secret_value().encode(), told, sha256).hexdigest()


async def _client(installation: Installation, client_id: str) -> Client:
    """An integration with its secret.

    Raises:
        Refused: There is none of that id, or its secret cannot be opened.
    """
    try:
        found = await Integrations(installation.pool, installation.accounts.vault).with_secret(
            client_id
        )
    except Unsealable as error:
        raise Refused("client_secret_unreadable", client=client_id) from error
    if found is None:
        raise Refused("integration_unknown", client=client_id)
    integration, secret = found
    return Client(client_id=client_id, secret=secret, redirect_uri=integration.redirect_uri)
