"""What became of a deed, as the page that it leads to says it (W3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Form, Query
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime

from contracts.events import AllocationEvent, LeadAssigned, ManagerPaused, RulesApplied
from contracts.sentences import Sentence, sentence
from services.application.commands import Answer
from services.application.operations import operation
from services.application.refused import Refused
from services.console.moments import moment
from services.console.names import person_of
from services.console.seeing import Seeing, SeeingAccount

# Of a form: the same one sent twice is one deed.
Key = Annotated[str, Form(min_length=1, max_length=64)]
# What became of a deed, in the address that it leads to.
Told = Annotated[str, Query(max_length=20)]
Version = Annotated[str, Query(max_length=20, pattern="^[0-9]*$")]
# recording: decided, and not in every table yet.
EFFECTS = ("done", "recording", "unchanged", "late")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of which deed, as an address has it."""

    told: str = ""
    version: str = ""
    deed: str = ""


NOTHING_DONE = Done()


def _done(
    told: Told = "",
    version: Version = "",
    deed: Annotated[str, Query(max_length=40, pattern="^(op-[0-9a-f]+)?$")] = "",
) -> Done:
    return Done(told=told, version=version, deed=deed)


JustDone = Annotated[Done, Depends(_done)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """How a deed is put back.

    Attributes:
        is_form: It is done at once; else the address shows first what it would come to.
    """

    href: str
    label: str
    is_form: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a deed.

    Attributes:
        detail: Who did it, and when; empty if that is not known, or not for whoever looks.
        undo: How it is put back, where the domain can and they may.
        is_open: What became of it is not known yet; the same page tells it later.
    """

    text: str
    is_done: bool
    detail: str = ""
    undo: Undo | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who did something in the installation and when, as an address has it."""

    by: str = ""
    at: datetime | None = None


def _signature(
    by: Annotated[str, Query(max_length=60)] = "", at: AwareDatetime | None = None
) -> Signature:
    return Signature(by=by, at=at)


SignedBy = Annotated[Signature, Depends(_signature)]


def signed_at(who: Seeing, address: str, **told: str | int) -> RedirectResponse:
    """To a page that tells what became of a deed in the installation, by `signed_receipt`."""
    at = who.now.isoformat(timespec="seconds")
    query = urlencode({**told, "by": who.caller.id, "at": at})
    return RedirectResponse(f"{address}?{query}", status_code=303)


async def signed_receipt(
    who: Seeing, told: Sequence[Sentence], signature: Signature, *, is_done: bool = True
) -> Receipt | None:
    """What became of such a deed, with who did it and when; None if nothing is told."""
    if not told:
        return None
    detail = ""
    if signature.by and signature.at is not None:
        by = await person_of(who, signature.by)
        detail = f"{by} · {moment(who, signature.at).text}"
    return Receipt(text=" ".join(who.words.lines(told)), is_done=is_done, detail=detail)


def told_at(address: str, answer: Answer) -> RedirectResponse:
    """To a page that tells what became of a deed, by `receipt`."""
    effect = "recording" if answer.effect == "done" and not answer.is_shown else answer.effect
    told = urlencode({"told": effect, "version": answer.version or "", "deed": answer.operation_id})
    return RedirectResponse(f"{address}?{told}", status_code=303)


def receipt(who: Seeing, told: str, version: str) -> Receipt | None:
    """The receipt that an address asks for; None if it asks for none."""
    number = int(version) if version else 0
    match told:
        case "done":
            said = sentence("console.done", version=number)
        case "recording":
            said = sentence("console.recording", version=number)
        case "unchanged":
            said = sentence("console.unchanged")
        case "kept" | "late":
            said = sentence("console.late")
        case _:
            return None
    return Receipt(text=who.words.say(said), is_done=told == "done")


async def receipt_of(who: SeeingAccount, done: Done) -> Receipt | None:
    """The same with who did it and when, and how it is put back."""
    found = receipt(who, done.told, done.version)
    if found is None or not done.deed:
        return found
    try:
        given = await operation(who.installation, who.account, who.principal, done.deed)
    except Refused:  # forgotten after a week, or somebody else's
        return found
    by = await person_of(who, given.given_by)
    found = replace(found, detail=f"{by} · {moment(who, given.given_at).text}")
    if given.refusal is not None:
        why = who.words.say(Refused.of(given.refusal).sentence)
        return replace(found, text=why, is_done=False)
    if given.standing != "decided":
        return replace(found, is_open=True)
    if not found.is_done and given.events:
        # It was not known yet when the address was made.
        told = "done" if given.is_shown else "recording"
        known = receipt(who, told, str(given.version)) or found
        found = replace(known, detail=found.detail, is_open=not given.is_shown)
    return replace(found, undo=_undo(who, given.events))


def _undo(who: SeeingAccount, events: Sequence[AllocationEvent]) -> Undo | None:
    say, may = who.words.say, who.principal.may
    given = [each.lead_id for each in events if isinstance(each, LeadAssigned)]
    for event in events:
        match event:
            case ManagerPaused():
                return Undo(
                    href=f"{who.base}/managers/{event.manager_id}/resume",
                    label=say(sentence("console.receipt.undo")),
                    is_form=True,
                )
            case RulesApplied() if may("rules") and event.revision > 1:
                before = event.revision - 1
                return Undo(
                    href=f"{who.base}/rules/revisions/{before}/draft",
                    label=say(sentence("console.receipt.undo_rules", revision=before)),
                    is_form=True,
                )
            case LeadAssigned() if may("activity") and len(given) == 1:
                return Undo(
                    href=f"{who.base}/leads/{event.lead_id}/undo",
                    label=say(sentence("console.receipt.undo")),
                    is_form=False,
                )
            case _:
                pass
    return None
