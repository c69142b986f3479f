"""What API and console make of a request alike: about which account, and a body of which kind."""

from starlette.requests import HTTPConnection

from services.application.callers import Whoever
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount, UnknownAccount
from services.storage.tenancy import Reach, confine
from services.web.premises import Premises
from services.web.problems import HttpProblem


async def account_asked(
    premises: Premises, caller: Whoever, account_id: int
) -> tuple[RegisteredAccount, Principal]:
    """The account, and who they are in it; from here on every statement stays within it (S5).

    Raises:
        HttpProblem: There is none of that id, or none that they may know of; nobody can tell which.
    """
    principal = caller.in_account(account_id)
    if principal is None:
        raise HttpProblem("not-found")
    confine(Reach(account_id=account_id, statement_ms=premises.settings.statement_ms))
    try:
        return await premises.installation.accounts.get(account_id), principal
    except UnknownAccount as error:
        raise HttpProblem("not-found") from error


def media_type_of(connection: HTTPConnection) -> str:
    """The kind of its body, without what says how it is written; empty if it names none."""
    return connection.headers.get("content-type", "").partition(";")[0].strip().lower()


def bearer_of(connection: HTTPConnection) -> str:
    """What it shows to be let in, as a header; empty if it shows nothing."""
    kind, _, text = connection.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""
