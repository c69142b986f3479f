"""The token that a widget's requests to its own server carry."""

import uuid
from typing import Final

import httpx

from services.sandbox.crm import Crm
from services.sandbox.oauth import Integration
from services.sandbox.tokens import jwt

LASTS_S: Final = 1_800


def one_time_token(crm: Crm, integration: Integration, user_id: int, *, origin: str) -> str:
    """Make one.

    Args:
        crm: The account.
        integration: Whose secret signs it.
        user_id: Who is looking.
        origin: Of the account's pages.
    """
    account, now = crm.account, crm.clock.second()
    redirect = httpx.URL(integration.redirect_uri)
    claims = {
        "iss": origin,
        "aud": f"{redirect.scheme}://{redirect.netloc.decode()}",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + LASTS_S,
        "account_id": account.id,
        "user_id": user_id,
        "subdomain": account.subdomain,
        "client_uuid": integration.client_id,
        "is_admin": account.users[user_id].is_admin,
    }
    return jwt(claims, integration.client_secret)
