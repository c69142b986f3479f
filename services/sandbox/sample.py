"""The account that tests and the demo start with: one administrator, twelve managers."""

import secrets
from typing import Final

from contracts.stage import LOST, WON
from services.sandbox.model import INCOMING, Account, Author, Pipeline, Status, User

ACCOUNT_ID: Final = 32_000_001
ADMIN_ID: Final = 500
MANAGER_IDS: Final = tuple(range(501, 513))
SALES: Final = 7_000_001
PARTNERS: Final = 7_000_002
RENEWALS: Final = 7_000_003
INBOX: Final = 61_000_002
NEW_REQUEST: Final = 61_000_003

_ADMIN = "Vera Lindqvist"
_MANAGERS = (
    "Ana Souza",
    "Bruno Carvalho",
    "Carla Mendes",
    "Diego Ferreira",
    "Elena Petrova",
    "Felipe Rocha",
    "Grace Okafor",
    "Hugo Martins",
    "Isabel Torres",
    "Jonas Weber",
    "Kenji Tanaka",
    "Lucia Romano",
)
_COLUMNS = {
    SALES: ("Sales", ("Inbox", "New request", "In conversation", "Offer", "Agreement")),
    PARTNERS: ("Partners", ("Inbox", "New request", "Introduction", "Contract")),
    RENEWALS: ("Renewals", ("Due soon", "New request", "In conversation", "Offer")),
}


def sample_account(leads: int = 0, *, token: str | None = None) -> Account:
    """Build the account.

    Args:
        leads: How many leads lie in the Inbox of Sales, owned by the administrator.
        token: The administrator's access token; a random one if not given.
    """
    account = Account(
        id=ACCOUNT_ID,
        name="Acme",
        subdomain="acme",
        timezone="America/Sao_Paulo",
        timezone_offset="-03:00",
        users={user.id: user for user in _users()},
        pipelines={pipeline.id: pipeline for pipeline in _pipelines()},
        tokens={token or secrets.token_urlsafe(32): ADMIN_ID},
    )
    account.create(
        (inbox_draft(number) for number in range(1, leads + 1)),
        Author("human", ADMIN_ID),
        now=1_760_000_000,
    )
    return account


def inbox_draft(number: int) -> dict[str, object]:
    """Describe a fresh lead in the Inbox that nobody has been given yet."""
    return {
        "name": f"Site request {number}",
        "pipeline_id": SALES,
        "status_id": INBOX,
        "responsible_user_id": ADMIN_ID,
    }


def _users() -> list[User]:
    people = {ADMIN_ID: _ADMIN, **dict(zip(MANAGER_IDS, _MANAGERS, strict=True))}
    return [
        User(
            id=user_id,
            name=name,
            email=f"{name.split()[0].lower()}@example.test",
            is_admin=user_id == ADMIN_ID,
        )
        for user_id, name in people.items()
    ]


def _pipelines() -> list[Pipeline]:
    pipelines = []
    for number, (pipeline_id, (name, columns)) in enumerate(_COLUMNS.items(), 1):
        first_id = 61_000_001 + 100 * (number - 1)
        named = ("Incoming leads", *columns)
        statuses = [
            Status(
                id=first_id + place,
                name=column,
                sort=10 * (place + 1),
                type=0 if place else INCOMING,
            )
            for place, column in enumerate(named)
        ]
        closed = [
            Status(id=WON, name="Closed - won", sort=10_000, color="#CCFF66"),
            Status(id=LOST, name="Closed - lost", sort=11_000, color="#D5D8DB"),
        ]
        pipelines.append(
            Pipeline(
                id=pipeline_id,
                name=name,
                sort=number,
                is_main=number == 1,
                statuses=(*statuses, *closed),
            )
        )
    return pipelines
