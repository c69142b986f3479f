"""Who asks how often: a key in an account, whoever has shown none by where they are (A7.1)."""

from fastapi import Request

from services.shared.proxies import whose
from services.web.premises import Premises
from services.web.rates import headers_of, refuse
from services.web.request_ids import answer_with

READING = frozenset({"GET", "HEAD"})


def before_key(premises: Premises, request: Request) -> None:
    """See that not too many from there have shown no key that counts (S29).

    Raises:
        HttpProblem: They have.
    """
    found = premises.rates.look(premises.settings.strangers, _place(premises, request))
    if found.wait_s:
        raise refuse(found)


def without_key(premises: Premises, request: Request) -> None:
    """Count one that has shown none."""
    premises.rates.take(premises.settings.strangers, _place(premises, request))


def with_key(premises: Premises, request: Request, who: str) -> None:
    """Count what somebody asks; the answer says what is left.

    Raises:
        HttpProblem: It is too often.
    """
    settings = premises.settings
    limits = [settings.requests]
    if request.method not in READING:
        limits.append(settings.commands)
    taken = [premises.rates.take(limit, who) for limit in limits]
    answer_with(request.scope, headers_of(taken))
    for each in taken:
        if each.wait_s:
            raise refuse(each)


def _place(premises: Premises, request: Request) -> str:
    whence = premises.whence(request)
    return whose(whence) or whence
