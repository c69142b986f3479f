"""Who a key or a cookie belongs to, as a principal in each account."""

from dataclasses import dataclass

from services.access.grants import Grant, Rights
from services.access.keys import AccessKey
from services.access.sessions import LiveSession
from services.access.sign_in_log import Caller
from services.access.wiring import Access
from services.application.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Whoever:
    """Somebody who has shown who they are; what they may depends on where.

    Attributes:
        id: As a principal's: `person:7`, `key:a1b2`.
        rights: What they may, wherever.
        whence: The address they come from (S30).
        request_id: By which the logs know what they ask.
        session: Of a browser.
        key: Of a program.
    """

    id: str
    rights: Rights
    whence: str
    request_id: str
    session: LiveSession | None = None
    key: AccessKey | None = None

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What they hold, or whoever made their key."""
        return self.rights.grants

    @property
    def person_id(self) -> int | None:
        """The person, or whoever made the key; None for one that was made at the machine."""
        if self.session is not None:
            return self.session.session.person_id
        return None if self.key is None else self.key.person_id

    @property
    def caller(self) -> Caller:
        """As they are named in what is kept about who may."""
        return Caller(principal=self.id, whence=self.whence, request_id=self.request_id)

    @property
    def is_fresh(self) -> bool:
        """Whether they may do what asks again who it is (S32); a program cannot be asked."""
        return self.session is None or self.session.is_fresh

    def accounts(self) -> frozenset[int] | None:
        """The accounts that they may see something of; None for all that are connected."""
        return self.rights.accounts()

    def in_account(self, account_id: int) -> Principal | None:
        """Who they are in an account; None if it is none of theirs, as if there were none."""
        scopes = self.rights.scopes_in(account_id)
        if not scopes:
            return None
        return Principal(
            id=self.id,
            scopes=scopes,
            manager_id=self.rights.manager_in(account_id),
            whence=self.whence,
            request_id=self.request_id,
        )

    def at_large(self) -> Principal:
        """Who they are in what belongs to no account; many may nothing there."""
        return Principal(
            id=self.id,
            scopes=self.rights.scopes_at_large(),
            whence=self.whence,
            request_id=self.request_id,
        )


def at_the_machine(principal: Principal) -> Whoever:
    """Somebody who works at the machine itself: no grant bounds them."""
    return Whoever(
        id=principal.id,
        rights=Rights(is_unbound=True),
        whence=principal.whence,
        request_id=principal.request_id,
    )


async def caller_of_key(
    access: Access, text: str, *, whence: str, request_id: str
) -> Whoever | None:
    """Whom a key belongs to; None if it is no valid one, whatever is wrong with it.

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
    """
    found = await access.keys.resolve(text)
    if found is None:
        return None
    key, rights = found
    return Whoever(id=key.principal, rights=rights, whence=whence, request_id=request_id, key=key)


async def caller_of_session(
    access: Access, cookie: str, *, whence: str, request_id: str, is_by_hand: bool = True
) -> Whoever | None:
    """Whom a cookie lets in; None if nobody, any more or ever.

    Args:
        access: Where.
        cookie: As the browser sends it.
        whence: The address it comes from.
        request_id: By which the logs know what they ask.
        is_by_hand: As of `Sessions.resolve`.

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
    """
    live = await access.sessions.resolve(cookie, is_by_hand=is_by_hand)
    if live is None:
        return None
    return Whoever(
        id=f"person:{live.session.person_id}",
        rights=live.rights,
        whence=whence,
        request_id=request_id,
        session=live,
    )
