"""Ledgers and registries, which the rules name: a section for each, and one more by its name."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from contracts.sentences import sentence
from services.console.rules.fields import KIND_SECTION, PERIOD, FormSection
from services.console.rules.forms import Placed, Sent

REGISTRY = FormSection("registry", sentence("console.rules.registry_section"), (PERIOD,))
NEW = {
    "new_ledger": ("ledgers", {"kinds": []}),
    "new_registry": ("registries", {"period": "month"}),
}


def registers_of(data: Any) -> list[Placed]:  # noqa: ANN401 - any data
    """The sections of all that there are."""
    placed: list[Placed] = []
    for name, section in (("ledgers", KIND_SECTION), ("registries", REGISTRY)):
        found = data.get(name) if isinstance(data, Mapping) else None
        placed += [(section, (name, key)) for key in found or ()] if isinstance(found, dict) else []
    return placed


def with_registers(data: dict[str, Any], sent: Sent) -> dict[str, Any]:
    """The data with those that are asked for, and without those that are not wanted any more."""
    for field, (where, begun) in NEW.items():
        name = "".join(sent.get(field, ())).strip()
        known = data.get(where)
        if name and not (isinstance(known, dict) and name in known):
            data[where] = {**(known if isinstance(known, dict) else {}), name: deepcopy(begun)}
    for each in sent.get("remove", ()):
        where, _, name = each.partition(".")
        if where in {"ledgers", "registries"} and isinstance(data.get(where), dict):
            data[where].pop(name, None)
            if not data[where]:
                del data[where]
    return data
