"""Rules made ready to be asked, kept by what they say: most pages ask the same ones."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from domain.configuration import Configuration, compile_rules

KEPT_MAX = 32


def compiled(
    rules: Mapping[str, Any], *, revision: int, timezone: str, active_user_ids: Sequence[int]
) -> Configuration:
    """What `compile_rules` makes of them; nobody may change it."""
    return _compiled(orjson.dumps(rules), revision, timezone, tuple(active_user_ids))


@lru_cache(KEPT_MAX)
def _compiled(
    text: bytes, revision: int, timezone: str, active_user_ids: tuple[int, ...]
) -> Configuration:
    return compile_rules(
        orjson.loads(text), revision=revision, timezone=timezone, active_user_ids=active_user_ids
    )
