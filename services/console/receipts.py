"""What became of a deed, as the page that it leads to says it (W3.5)."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Query
from fastapi.responses import RedirectResponse

from contracts.sentences import sentence
from services.application.commands import Answer
from services.console.seeing import Seeing

# Of a form: the same one sent twice is one deed.
Key = Annotated[str, Form(min_length=1, max_length=64)]
# What became of a deed, in the address that it leads to.
Told = Annotated[str, Query(max_length=20)]
Version = Annotated[str, Query(max_length=20, pattern="^[0-9]*$")]
# recording: decided, and not in every table yet.
EFFECTS = ("done", "recording", "unchanged", "late")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a deed."""

    text: str
    is_done: bool


def told_at(address: str, answer: Answer) -> RedirectResponse:
    """To a page that tells what became of a deed, by `receipt`."""
    effect = "recording" if answer.effect == "done" and not answer.is_shown else answer.effect
    told = urlencode({"told": effect, "version": answer.version or ""})
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
