"""How a command is given over HTTP: under a key, once, and waited for a while (A5).

`POST` wants an `Idempotency-Key`. `PUT` and `DELETE` say how things shall be, so each is a command
of its own: where it is so already, nothing follows from it. A key made of what they say would be
wrong: a pause after a pause that was lifted says the same, and is to count.
"""

import re
import secrets
from typing import Annotated

from fastapi import Depends, Header, Query

from services.api.places import ID_MAX
from services.application.commands import KEY, Once
from services.application.operations import WAIT_S
from services.application.reasons import CHARACTERS_MAX
from services.application.refused import Refused
from services.web.problems import HttpProblem

WAIT_MAX_S = 10.0
KEY_MAX = 255
UNDER_WAY_MAX = 10_000
WAIT = re.compile(r"wait=([0-9]{1,4})")

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A name that you choose for this command, 1 to 255 visible characters. Sent"
        " again under it within 7 days, the command takes effect once.",
        examples=["3f0d8a52-6f0e-4c39-8f0b-0b7a1c9f6d11"],
    ),
]
PreferHeader = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`respond-async` does not wait for the answer; `wait=10` waits up to so many"
        " seconds, 10 at most (RFC 7240). Else 2 seconds.",
        examples=["respond-async"],
    ),
]
RulesNote = Annotated[
    str,
    Query(
        max_length=CHARACTERS_MAX,
        description="Why; it is kept with the revision.",
        examples=["Carla helps with partners in December"],
    ),
]
ConfirmLeads = Annotated[
    int | None,
    Query(
        ge=0,
        le=ID_MAX,
        description="How many leads the check named in `moves`. It has to be sent from so many"
        " leads on as the installation calls wide (100 by default); if it is another number by"
        " now, nothing is done.",
        examples=[120],
    ),
]
PreviewQuery = Annotated[
    bool, Query(description="Change nothing, and say what it would come to; needs no key.")
]


async def posted(idempotency_key: KeyHeader = None, prefer: PreferHeader = None) -> Once:
    """The key of a `POST`.

    Raises:
        HttpProblem: It has none.
        Refused: The key cannot be used.
    """
    return Once(key=usable(idempotency_key), wait_s=wait_of(prefer))


async def posted_unless_preview(
    *,
    preview: PreviewQuery = False,
    idempotency_key: KeyHeader = None,
    prefer: PreferHeader = None,
) -> Once | None:
    """The same; None for a preview, which changes nothing and needs no key.

    Raises:
        HttpProblem: As `posted`.
        Refused: As `posted`.
    """
    if preview:
        return None
    return Once(key=usable(idempotency_key), wait_s=wait_of(prefer))


async def put(prefer: PreferHeader = None) -> Once:
    """A key that nobody used, for what says how things shall be."""
    return Once(key=f"once-{secrets.token_hex(16)}", wait_s=wait_of(prefer))


def usable(key: str | None) -> str:
    """The key, if it can be one.

    Raises:
        HttpProblem: There is none.
        Refused: It cannot.
    """
    if key is None:
        raise HttpProblem(
            "idempotency-key-missing",
            "Send a key that you choose as a header, such as a random UUID: Idempotency-Key: ...",
        )
    if KEY.fullmatch(key) is None:
        raise Refused("key_unusable", limit=KEY_MAX)
    return key


def wait_of(prefer: str | None) -> float:
    """How long an answer is waited for; what is not understood is passed over, as the RFC says."""
    asked = [each.strip().lower() for each in re.split("[,;]", prefer or "")]
    if "respond-async" in asked:
        return 0.0
    waits = (int(found[1]) for each in asked if (found := WAIT.fullmatch(each)))
    return next((min(float(wait), WAIT_MAX_S) for wait in waits), WAIT_S)


Posted = Annotated[Once, Depends(posted)]
PostedUnlessPreview = Annotated[Once | None, Depends(posted_unless_preview)]
Put = Annotated[Once, Depends(put)]
