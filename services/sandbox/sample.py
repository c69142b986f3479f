"""The account that tests and the demo start with: one administrator, twelve managers."""

import secrets
from typing import Final

from contracts.stage import LOST, WON
from services.sandbox.cards import Box
from services.sandbox.model import INCOMING, Author, CrmAccount, Pipeline, Status, User

ACCOUNT_ID: Final = 32_000_001
ADMIN_ID: Final = 500
MANAGER_IDS: Final = tuple(range(501, 513))
SALES: Final = 7_000_001
PARTNERS: Final = 7_000_002
RENEWALS: Final = 7_000_003
INBOX: Final = 61_000_002
NEW_REQUEST: Final = 61_000_003

_APART: Final = 10_000
_CARDS_APART: Final = 10_000_000
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


def sample_account(leads: int = 0, *, token: str | None = None, place: int = 0) -> CrmAccount:
    """Build the account.

    Args:
        leads: How many leads lie in the Inbox of Sales, owned by the administrator.
        token: The administrator's access token; a random one if not given.
        place: Which of several accounts of one Kommo; all ids differ from those of the others.
    """
    admin_id = ADMIN_ID + place * _APART
    account = CrmAccount(
        id=ACCOUNT_ID + place,
        name=f"Acme {place + 1}" if place else "Acme",
        subdomain=f"acme{place + 1}" if place else "acme",
        timezone="America/Sao_Paulo",
        timezone_offset="-03:00",
        users={user.id: user for user in _users(place * _APART)},
        pipelines={pipeline.id: pipeline for pipeline in _pipelines(place * _APART)},
        tokens={token or secrets.token_urlsafe(32): admin_id},
        contacts=Box(800_001 + place * _CARDS_APART),
        companies=Box(700_001 + place * _CARDS_APART),
        tasks=Box(600_001 + place * _CARDS_APART),
        notes=Box(500_001 + place * _CARDS_APART),
        next_lead_id=900_001 + place * _CARDS_APART,
    )
    account.create(
        (inbox_draft(number, place) for number in range(1, leads + 1)),
        Author("human", admin_id),
        now=1_760_000_000,
    )
    return account


def inbox_draft(number: int, place: int = 0) -> dict[str, object]:
    """Describe a fresh lead in the Inbox that nobody has been given yet."""
    return {
        "name": f"Site request {number}",
        "pipeline_id": SALES + place * _APART,
        "status_id": INBOX + place * _APART,
        "responsible_user_id": ADMIN_ID + place * _APART,
    }


def _users(apart: int) -> list[User]:
    people = {ADMIN_ID: _ADMIN, **dict(zip(MANAGER_IDS, _MANAGERS, strict=True))}
    return [
        User(
            id=user_id + apart,
            name=name,
            email=f"{name.split()[0].lower()}@example.test",
            is_admin=user_id == ADMIN_ID,
        )
        for user_id, name in people.items()
    ]


def _pipelines(apart: int) -> list[Pipeline]:
    pipelines = []
    for number, (pipeline_id, (name, columns)) in enumerate(_COLUMNS.items(), 1):
        first_id = 61_000_001 + apart + 100 * (number - 1)
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
                id=pipeline_id + apart,
                name=name,
                sort=number,
                is_main=number == 1,
                statuses=(*statuses, *closed),
            )
        )
    return pipelines
