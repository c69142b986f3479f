"""What a client asks for when its token is refused: tokens that others keep fresh (F54)."""

from typing import Protocol

from pydantic import SecretStr


class AccountTokens(Protocol):
    """Those of one account."""

    async def newer(self, stale: SecretStr) -> SecretStr | None:
        """A newer one than that; None if there is none to be had now.

        Raises:
            services.shared.errors.Unavailable: Nobody can tell now.
        """
        ...

    async def revoked(self, token: SecretStr) -> None:
        """One that was as new as can be is refused, too.

        Raises:
            services.shared.errors.Unavailable: Nobody can be told now.
        """
        ...
