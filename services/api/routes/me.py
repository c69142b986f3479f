"""Who asks."""

from pydantic import Field

from services.api.asking import Calling
from services.api.bulk import ROWS_MAX
from services.api.lists import LIMIT_MAX
from services.api.resource import resource
from services.application.span import DAYS_MAX
from services.web.limits import RateLimit
from services.web.models import Output
from services.web.premises import Premises, PremisesOf

router = resource("me")


class RateShape(Output):
    """How often a key may ask in an account."""

    per_s: int = Field(ge=1, description="So many a second for ever.", examples=[20])
    burst: int = Field(ge=1, description="So many at once above that.", examples=[100])


class Limits(Output):
    """What whoever asks may take, from each process that serves (A7).

    Attributes:
        requests: All of them.
        commands: Those of them that change something.
        streams: Feeds and long polls open at once.
        body_bytes: Of the largest body.
        statement_ms: How long one question to the database may take; then it is 503 `too-broad`.
        range_days: How much lies between `from` and `to` at most.
        page_items: Of one page of a list.
        bulk_rows: Of one list as CSV or JSON lines.
    """

    requests: RateShape
    commands: RateShape
    streams: int = Field(ge=1, examples=[5])
    body_bytes: int = Field(ge=1, examples=[1_048_576])
    statement_ms: int = Field(ge=1, examples=[2_000])
    range_days: int = Field(ge=1, examples=[DAYS_MAX])
    page_items: int = Field(ge=1, examples=[LIMIT_MAX])
    bulk_rows: int = Field(ge=1, examples=[ROWS_MAX])


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
    limits: Limits


@router.get("/me", operation_id="get_me", summary="Who am I?")
async def get_me(caller: Calling, premises: PremisesOf) -> Me:
    """Who the key belongs to, where it counts, and how much it may take."""
    accounts = caller.accounts()
    return Me(
        principal=caller.id,
        account_ids=None if accounts is None else sorted(accounts),
        scopes=sorted(caller.at_large().scopes),
        limits=_limits(premises),
    )


def _limits(premises: Premises) -> Limits:
    settings = premises.settings
    return Limits(
        requests=_rate(settings.requests),
        commands=_rate(settings.commands),
        streams=premises.streams.limits.per_principal,
        body_bytes=settings.body_bytes_max,
        statement_ms=settings.statement_ms,
        range_days=DAYS_MAX,
        page_items=LIMIT_MAX,
        bulk_rows=ROWS_MAX,
    )


def _rate(limit: RateLimit) -> RateShape:
    return RateShape(per_s=limit.per_s, burst=limit.burst)
