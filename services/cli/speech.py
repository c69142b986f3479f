"""Sentences as a terminal says them: with an account's names and in its time zone."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.storage.accounts import RegisteredAccount
    from services.words.catalogue import Words


def words(account: "RegisteredAccount | None" = None) -> "Words":
    """What puts sentences into words for whoever sits at this terminal."""
    from datetime import UTC
    from zoneinfo import ZoneInfo

    from services.words.catalogue import Words
    from services.words.languages import of_environment

    language = of_environment(os.environ)
    if account is None:
        return Words(language=language, zone=UTC)
    return Words.of(account.directory, language=language, zone=ZoneInfo(account.timezone))


def words_of_all(accounts: "Iterable[RegisteredAccount]") -> "Words":
    """With the names of several accounts: what is said may be about any of them."""
    from services.words.catalogue import Words
    from services.words.languages import of_environment

    known = (each.directory for each in accounts)
    return Words.of(*known, language=of_environment(os.environ))


def words_with(names: "Mapping[int, str]", timezone: str) -> "Words":
    """The same with names and the zone of an account that is not connected."""
    from zoneinfo import ZoneInfo

    from services.words.catalogue import Words
    from services.words.languages import of_environment

    return Words(language=of_environment(os.environ), zone=ZoneInfo(timezone), name=names.get)
