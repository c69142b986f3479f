"""Who looked at other people's explanations, states, exports: kept, and shown (A9.3)."""

from collections.abc import Sequence

from services.application.installation import Installation
from services.application.principal import Principal
from services.application.span import Span
from services.storage.access_log import AccessLine, AccessLog, Sight
from services.storage.accounts import RegisteredAccount


async def note_access(
    installation: Installation,
    account_id: int | None,
    principal: Principal,
    what: Sight,
    ids: Sequence[int] = (),
) -> None:
    """Keep that somebody looks, before they see anything: no look without its line.

    Raises:
        services.shared.errors.Unavailable: It cannot be kept.
    """
    await AccessLog(installation.pool).note(
        account_id=account_id,
        principal=principal.id,
        whence=principal.whence,
        what=what,
        ids=ids,
        request_id=principal.request_id,
    )


async def accesses(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    span: Span,
    *,
    by: str = "",
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> list[AccessLine]:
    """Who looked at an account's things, the newest first; that is a look, too.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        span: When.
        by: The looks of one principal only, if it is not empty.
        limit: The most.
        before: Only looks before the one of this id.
        after: Only looks behind the one of this id; then the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("audit")
    await note_access(installation, account.account_id, principal, "access_log")
    return await AccessLog(installation.pool).page(
        account.account_id,
        start=span.start,
        end=span.end,
        principal=by,
        limit=limit,
        before=before,
        after=after,
    )


async def accesses_at_large(
    installation: Installation,
    principal: Principal,
    span: Span,
    *,
    by: str = "",
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> list[AccessLine]:
    """The same of looks that belong to no account, such as at letters of nobody's.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    await note_access(installation, None, principal, "access_log")
    return await AccessLog(installation.pool).page(
        None,
        start=span.start,
        end=span.end,
        principal=by,
        limit=limit,
        before=before,
        after=after,
    )
