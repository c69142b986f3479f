"""How people sign in, and how long that lasts."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.access.oidc_roles import parse_roles
from services.shared.hosts import is_this_machine
from services.shared.settings import Settings


def safe_address(text: str | None) -> str | None:
    """An address without a slash at its end; over https, or on this machine.

    Raises:
        ValueError: It is none.
    """
    if text is None:
        return None
    if not is_safe(text) or urlsplit(text).query:
        raise ValueError("expected https://HOST, or http:// on this machine")
    return text.rstrip("/")


def is_safe(address: str) -> bool:
    """Whether nobody on the way learns what is sent there."""
    parts = urlsplit(address)
    if not parts.hostname or parts.fragment or parts.username:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname))


def _are_roles(text: str) -> str:
    parse_roles(text)
    return text


Address = Annotated[str | None, AfterValidator(safe_address)]


class AccessSettings(Settings):
    """Signing in, sessions, keys.

    Attributes:
        address: Where people reach the console, such as `https://leads.example.com`; links and
            passkeys are for this address alone. Without it, where it listens on this machine.
        idle_hours: A session that nobody uses ends after so long.
        session_days: A session ends after so long in any case.
        fresh_minutes: What moves many leads, or changes who may, asks who it is again after so
            long.
        delay_after: So many failures are free; each one more doubles the wait.
        delay_max_s: The longest wait after failures.
        hashing_threads: Passwords that are checked at once, each in 64 MiB of memory.
        hashing_queue_max: More that wait for it are told to come again.
        wide_leads: A deed that moves so many leads counts as a wide one (S32).
        wide_per_hour: So many of them an hour need no second administrator.
        wide_leads_per_hour: So many leads an hour, in all of them.
        oidc_issuer: An identity provider that people may sign in by, such as
            `https://id.example.com`; it has to serve `/.well-known/openid-configuration`.
        oidc_client_id: What it knows us as.
        oidc_client_secret: By which it knows us, if it has given one.
        oidc_roles_claim: Where its tokens tell groups.
        oidc_roles: What those give here, with commas: `sales-heads=supervisor@32000001,
            it=operator`; without `@` in every account. Whoever is in none of them is not let in.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_ACCESS_")

    address: Address = None
    idle_hours: int = Field(default=12, ge=1, le=12)
    session_days: int = Field(default=7, ge=1, le=7)
    fresh_minutes: int = Field(default=10, ge=1, le=60)
    delay_after: int = Field(default=3, ge=1, le=20)
    delay_max_s: int = Field(default=900, ge=30, le=86_400)
    hashing_threads: int = Field(default=2, ge=1, le=16)
    hashing_queue_max: int = Field(default=32, ge=1, le=1_000)
    wide_leads: int = Field(default=100, ge=1, le=1_000_000)
    wide_per_hour: int = Field(default=3, ge=0, le=1_000)
    wide_leads_per_hour: int = Field(default=2_000, ge=1, le=10_000_000)
    oidc_issuer: Address = None
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_roles_claim: str = Field(default="groups", min_length=1, max_length=200)
    oidc_roles: Annotated[str, AfterValidator(_are_roles)] = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.oidc_issuer is not None and not self.oidc_client_id:
            raise ValueError(
                "FAIRLEAD_ACCESS_OIDC_CLIENT_ID: expected, as FAIRLEAD_ACCESS_OIDC_ISSUER is set"
            )
        return self
