"""Who asks."""

from pydantic import Field

from services.api.asking import Calling
from services.api.resource import resource
from services.api.strict import Output

router = resource("me")


class Me(Output):
    """Whoever asks.

    Attributes:
        principal: As it is kept with what they do.
        account_ids: Accounts that they have a grant in; null for every one of the installation.
        scopes: What they may in the installation itself.
    """

    principal: str = Field(examples=["key:a1b2"])
    account_ids: list[int] | None = Field(examples=[[32000001]])
    scopes: list[str] = Field(examples=[["operate"]])


@router.get("/me", operation_id="get_me", summary="Who am I?")
async def get_me(caller: Calling) -> Me:
    """Who the key belongs to, and where it counts."""
    accounts = caller.accounts()
    return Me(
        principal=caller.id,
        account_ids=None if accounts is None else sorted(accounts),
        scopes=sorted(caller.at_large().scopes),
    )
