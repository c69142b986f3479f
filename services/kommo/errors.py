"""How a call to Kommo can fail, by what the caller may conclude.

    Unreachable      network, time-out, 5xx: later; `may_have_happened` tells a write's fate
      MalformedAnswer  an answer that makes no sense (F63): the same, as the outcome is unknown
    Closed           our source address may not call now (429, or blocked): nothing happened
      RateLimited      429, or a pause because of one (F47)
      AddressBlocked   403 in plain text (F48)
    Crowded          too many calls wait for their turn already: nothing happened
    AccountStopped   401, 402, 403 as a problem document, 404: this account only
      AccountBlocked   403 in plain text, while others are let in
    Rejected         400, 422: understood, and no; nothing happened

Messages name status codes and call names only: no bodies, addresses, tokens (S19).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.shared.errors import Unavailable

_GATEWAY_TIMEOUT = 504


class Unreachable(Unavailable):
    """Kommo did not answer the call, or answered that it could not.

    Attributes:
        status: The HTTP status, None when none arrived.
        may_have_happened: A write may have taken effect: read before repeating it.
        took_too_long: Kommo, or what stands before it, did not answer in time.
    """

    def __init__(
        self,
        message: str,
        *,
        may_have_happened: bool,
        status: int | None = None,
        took_too_long: bool = False,
    ) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened
        self.status = status
        self.took_too_long = took_too_long or status == _GATEWAY_TIMEOUT


class MalformedAnswer(Unreachable):
    """The answer cannot be what Kommo meant: wrong type, too big, a redirect, a foreign link."""

    def __init__(self, message: str) -> None:
        super().__init__(message, may_have_happened=True)


class Closed(Unavailable):
    """No call may start from our address now; the limiter knows until when."""


class RateLimited(Closed):
    """Kommo answered 429, or has lately and the pause is not over."""


class AddressBlocked(Closed):
    """Kommo refuses everything from our address."""


class Crowded(Unavailable):
    """The bound on waiting calls is reached."""


class AccountStopped(Unavailable):
    """This account's token, payment, rights or address do not let us in.

    Attributes:
        status: 401, 402, 403 or 404.
        detail: Kommo's own words, cut to 200 characters; data, not part of the message.
        retry_in_s: When to try again; None leaves it to the caller.
    """

    def __init__(
        self, message: str, *, status: int, detail: str = "", retry_in_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.retry_in_s = retry_in_s


class AccountBlocked(AccountStopped):
    """Kommo refuses this account's calls without a word, and others' not (F48)."""

    def __init__(self, message: str, *, retry_in_s: float) -> None:
        super().__init__(message, status=403, retry_in_s=retry_in_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One validation error: of the element that it names, if it names any.

    Attributes:
        index: Position of the element in the request.
        element_id: Its id.
        detail: Kommo's own words.
    """

    index: int | None = None
    element_id: int | None = None
    code: str = ""
    path: str = ""
    detail: str = ""


class Rejected(Exception):
    """Kommo understood the request and will not do it, nor will it when repeated.

    Attributes:
        status: 400, 405, 422, ...
        detail: Kommo's own words, cut to 200 characters; data, not part of the message.
        complaints: What was wrong with which element; often empty.
    """

    def __init__(
        self, message: str, *, status: int, detail: str, complaints: tuple[Complaint, ...]
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.complaints = complaints

    def words_about(self, element_id: int) -> str:
        """Kommo's own words about the element, else about whatever it is."""
        own = [each.detail for each in self.complaints if each.element_id == element_id]
        others = [each.detail for each in self.complaints]
        return next(filter(None, (*own, *others)), self.detail)


ANSWERED = "answered"
# More special ones first.
OUTCOMES: Mapping[type[Exception], str] = {
    MalformedAnswer: "malformed",
    Unreachable: "unreachable",
    AddressBlocked: "blocked",
    AccountBlocked: "blocked",
    RateLimited: "limited",
    AccountStopped: "stopped",
    Rejected: "rejected",
}


def outcome_of(error: Exception) -> str:
    """The failure of a call in one word, for counting."""
    return next((word for kind, word in OUTCOMES.items() if isinstance(error, kind)), "failed")
