"""The page that asks again who somebody is, and the deed that it keeps meanwhile (W7)."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Response
from starlette.datastructures import FormData

from services.access.relying import relying_party
from services.application.people.inviting import address_of
from services.application.people.oneself import myself
from services.console.pages import page
from services.console.seeing import CSRF_FIELD, Seeing, local

KEPT = "kept."
ACTION = "action"


@dataclass(frozen=True, slots=True)
class Deed:
    """What was asked for, and is given again afterwards.

    Attributes:
        action: Where it goes.
        fields: Of its form, without the token.
    """

    action: str
    fields: tuple[tuple[str, str], ...]


def deed_of(action: str, form: FormData) -> Deed:
    """What a form asks for."""
    return Deed(action, tuple(_texts(form)))


def deed_in(form: FormData) -> Deed | None:
    """What the page has kept; None if nothing was begun."""
    action = form.get(ACTION)
    if not isinstance(action, str) or not action:
        return None
    kept = ((name.removeprefix(KEPT), text) for name, text in _texts(form) if KEPT in name[:5])
    return Deed(local(action), tuple(kept))


async def prove_page(
    who: Seeing,
    *,
    next: str = "/",  # noqa: A002 - as the address has it
    deed: Deed | None = None,
    refused: str = "",
    status: int = 200,
) -> Response:
    """Ask for whatever they can show."""
    access = who.premises.access
    person = await myself(access, who.caller)
    has_passkey = bool(await access.passkeys.of(person.id))
    return page(
        "prove.html",
        who.words,
        status=status,
        csrf=who.csrf,
        login=person.login,
        next=next,
        deed=deed,
        refused=refused,
        minutes=access.settings.fresh_minutes,
        has_app=await access.codes.are_on(person.id),
        has_passkey=has_passkey and relying_party(address_of(who.installation)) is not None,
    )


def _texts(form: FormData) -> Iterable[tuple[str, str]]:
    return (
        (name, text)
        for name, text in form.multi_items()
        if isinstance(text, str) and name != CSRF_FIELD
    )
