"""Kommo as whoever connects an account meets it: its refusals as ours, the address it calls."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import structlog

from services.application.installation import Installation
from services.application.refused import Refused
from services.gateway.connections import tokens_of
from services.gateway.postgres import RegisteredAccounts
from services.gateway.starts import SharedStarts
from services.kommo.client import KommoClient
from services.kommo.errors import AccountStopped, RateLimited, Rejected
from services.kommo.limiter import Limiter
from services.oauth.endpoint import TokenEndpoint
from services.oauth.renewal import Renewal
from services.oauth.settings import RenewalSettings
from services.shared.errors import Unavailable
from services.storage.accounts import RegisteredAccount

log = structlog.get_logger(__name__)


@asynccontextmanager
async def kommo_of(
    installation: Installation, account: RegisteredAccount
) -> AsyncIterator[KommoClient]:
    """A client of an account, which counts its requests with the gateway's.

    Raises:
        Refused: The account's token cannot be opened here, or was destroyed.
    """
    await check_asks_kommo(installation)
    if account.disconnected_at is not None:
        raise Refused(
            "account_disconnected", account=account.account_id, since=account.disconnected_at
        )
    if account.suspended_at is not None:
        raise Refused("account_suspended", account=account.account_id, since=account.suspended_at)
    connected = await RegisteredAccounts(installation.accounts).connected()
    ours = next((each for each in connected if each.account_id == account.account_id), None)
    if ours is None:
        raise Refused("token_unreadable", account=account.account_id)
    async with KommoClient(
        base_url=ours.base_url,
        token=ours.token,
        limiter=Limiter(starts=SharedStarts(installation.pool)),
        tokens=tokens_of(renewal_of(installation), ours),
    ) as client:
        yield client


async def check_asks_kommo(installation: Installation) -> None:
    """See that whoever works here may read the accounts' tokens: on many machines, few may (S18).

    Raises:
        Refused: They may not.
    """
    if not await installation.accounts.may_read_tokens():
        raise Refused("kommo_not_asked_here")


def renewal_of(installation: Installation, settings: RenewalSettings | None = None) -> Renewal:
    """What renews tokens here, together with every other process of the installation."""
    return Renewal(
        installation.pool,
        installation.accounts.vault,
        endpoint_of(installation),
        settings or RenewalSettings(),
    )


def endpoint_of(installation: Installation) -> TokenEndpoint:
    """Where codes and refresh tokens are exchanged."""
    return TokenEndpoint(
        allows_local=installation.allows_simulation, starts=SharedStarts(installation.pool)
    )


def receives_at(installation: Installation, public_url: str = "") -> str:
    """The address that is named, or the settings name, or else the one of what runs here.

    Raises:
        Refused: Nothing names one, and nothing runs here.
    """
    if named := public_url or installation.public_url:
        return named
    found: str = (installation.running() or {}).get("address", "")
    if not found:
        raise Refused("nothing_receives")
    return found


@contextmanager
def refusals_of_kommo(base_url: str) -> Iterator[None]:
    """Whatever keeps Kommo from doing what is asked inside, as a refusal.

    Raises:
        Refused: Kommo refuses, or does not answer.
    """
    try:
        yield
    except AccountStopped as error:
        raise _stopped(error.status) from error
    except Rejected as error:
        # What strangers say is for the log, not for whoever asked.
        log.warning("kommo_refused", call=str(error), status=error.status, said=error.detail)
        raise Refused("kommo_refused", status=error.status) from error
    except RateLimited as error:
        raise Refused("kommo_busy") from error
    except Unavailable as error:
        host = urlsplit(base_url).netloc
        raise Refused("kommo_away", host=host, reason=str(error)) from error


def _stopped(status: int) -> Refused:
    """Why Kommo lets nobody in with this token."""
    match status:
        case 401:
            return Refused("token_not_valid")
        case 402:
            return Refused("account_unpaid")
        case 403:
            return Refused("token_lacks_rights")
        case _:
            return Refused("no_such_account")


def check_public_url(installation: Installation, public_url: str) -> None:
    """See that Kommo can be told to call it; in production, only what nobody on the way can read.

    Raises:
        Refused: It is no address of a web server, or has more than a path.
    """
    try:
        parts = urlsplit(public_url)
        has_port = parts.port != 0  # raises where it is no port
    except ValueError as error:
        raise Refused("public_url_not_usable", text=public_url) from error
    schemes = ("https",) if installation.is_production else ("http", "https")
    is_web = parts.scheme in schemes and parts.hostname and has_port
    is_plain = public_url.isascii() and public_url.isprintable() and " " not in public_url
    if not is_web or not is_plain or parts.query or parts.fragment:
        raise Refused("public_url_not_usable", text=public_url)
