"""Keys of programs: listed, made, rotated, revoked (A9.1).

What a key has made ends with it, and makes no other.
"""

from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import Field

from services.access.keys import DAYS, DAYS_MAX, LABEL_MAX, AccessKey
from services.access.roles import Scope
from services.api.asking import AccountVisit, OfAccount, ToRead
from services.api.cursors import microseconds
from services.api.lists import ItemPage, UnversionedListing
from services.api.resource import problem, resource
from services.api.times import Instant
from services.application.people import keys
from services.web.models import Input, Output
from services.web.problems import HttpProblem

router = resource("keys")

REFUSES: dict[int | str, dict[str, Any]] = {409: problem("It is somebody else's, or over.")}

KeyId = Annotated[
    str,
    Path(
        pattern="^[A-Za-z0-9]{1,64}$", description="Ours; between `fl_` and `_`.", examples=["a1b2"]
    ),
]


class KeyItem(Output):
    """A key without its secret.

    Attributes:
        scopes: The most it may; what its maker may no more, it may not either.
        former_until: Until when the secret of before works on; null if it does not.
        revoked_at: When it was ended; null if it was not.
    """

    key_id: str = Field(examples=["a1b2"])
    label: str = Field(examples=["monitoring"])
    scopes: list[str] = Field(examples=[["read"]])
    made_by: str = Field(examples=["person:7"])
    made_at: Instant
    expires_at: Instant
    last_used_at: Instant | None
    former_until: Instant | None
    revoked_at: Instant | None


class KeyPage(ItemPage[KeyItem]):
    """The keys of the account, the oldest first."""


class KeyBody(Input):
    """What a key is for, and may."""

    label: str = Field(
        min_length=1, max_length=LABEL_MAX, description="In your words.", examples=["monitoring"]
    )
    scopes: list[Scope] = Field(
        min_length=1, max_length=20, description="What it may.", examples=[["read"]]
    )
    days: int = Field(
        default=DAYS, ge=1, le=DAYS_MAX, description="How long it is valid.", examples=[90]
    )


class RotatedKey(KeyItem):
    """A key with its new secret, which is told this once."""

    key: str = Field(examples=["fl_a1b2_c2VjcmV0_9f3c"])


@router.get("/accounts/{account_id}/keys", operation_id="list_keys", summary="Keys of programs")
async def list_keys(response: Response, visit: ToRead, listing: UnversionedListing) -> KeyPage:
    """Of this account, those that are over too."""
    response.headers["Cache-Control"] = "no-store"
    found = await keys.keys(visit.premises.access, visit.caller, visit.account.account_id)
    return await listing.all_of(
        KeyPage,
        found,
        key=lambda each: (microseconds(each.made_at), each.id),
        shape=lambda each: KeyItem(**_values(each)),
    )


@router.post(
    "/accounts/{account_id}/keys",
    status_code=201,
    operation_id="make_key",
    summary="Make a key",
    responses=REFUSES,
)
async def make_key(response: Response, visit: OfAccount, body: KeyBody) -> RotatedKey:
    """It ends with the key that makes it, and never has more; its text is told this once."""
    response.headers["Cache-Control"] = "no-store"
    made, text = await keys.make_key(
        visit.premises.access,
        visit.caller,
        label=body.label,
        account_id=visit.account.account_id,
        scopes=body.scopes,
        days=body.days,
    )
    return RotatedKey(**_values(made), key=text.get_secret_value())


@router.post(
    "/accounts/{account_id}/keys/{key_id}/rotate",
    operation_id="rotate_key",
    summary="Another secret for a key",
    responses=REFUSES,
)
async def rotate_key(response: Response, visit: OfAccount, key_id: KeyId) -> RotatedKey:
    """A key rotates itself; the secret of now works for a day more, should the answer get lost."""
    response.headers["Cache-Control"] = "no-store"
    await _of_account(visit, key_id)
    rotated, text = await keys.rotate_key(visit.premises.access, visit.caller, key_id)
    return RotatedKey(**_values(rotated), key=text.get_secret_value())


@router.delete(
    "/accounts/{account_id}/keys/{key_id}",
    status_code=204,
    operation_id="revoke_key",
    summary="End a key at once",
    responses=REFUSES,
)
async def revoke_key(visit: OfAccount, key_id: KeyId) -> None:
    """From its next request on; ended again it stays so."""
    await _of_account(visit, key_id)
    await keys.revoke_key(visit.premises.access, visit.caller, key_id)


async def _of_account(visit: AccountVisit, key_id: str) -> None:
    """See that a key is one of this account.

    Raises:
        HttpProblem: It is not.
    """
    found = await visit.premises.access.keys.get(key_id)
    if found is None or found.account_id != visit.account.account_id:
        raise HttpProblem("not-found")


def _values(key: AccessKey) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "label": key.label,
        "scopes": sorted(key.scopes),
        "made_by": key.made_by,
        "made_at": key.made_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "former_until": key.former_until,
        "revoked_at": key.revoked_at,
    }
