"""Where an account's people work: the hosts that its pages have, and no other (S12, S13)."""

from collections.abc import Iterable

from services.application.installation import Installation
from services.kommo.address import SUFFIXES, is_kommos
from services.storage.accounts import RegisteredAccount


def origins_of(installation: Installation, account: RegisteredAccount) -> tuple[str, ...]:
    """The origins of an account's pages: of these alone the widget's calls come.

    It is the host that lets us in. A local Kommo has one of its own, and Kommo's names beside it.
    """
    if _is_simulated(installation, account):
        return (account.base_url, *_sisters(account))
    return (account.base_url,)


def ancestors_of(installation: Installation, account: RegisteredAccount) -> tuple[str, ...]:
    """Who may frame pages of the account: its own hosts, under each of Kommo's names (S12)."""
    return tuple(dict.fromkeys((*origins_of(installation, account), *_sisters(account))))


def active(accounts: Iterable[RegisteredAccount]) -> list[RegisteredAccount]:
    """Those that have the integration installed, and let us in."""
    return [each for each in accounts if each.suspended_at is None and each.client_id is not None]


def _sisters(account: RegisteredAccount) -> tuple[str, ...]:
    return tuple(f"https://{account.subdomain}.{suffix}" for suffix in SUFFIXES)


def _is_simulated(installation: Installation, account: RegisteredAccount) -> bool:
    return not (installation.is_production or is_kommos(account.base_url))
