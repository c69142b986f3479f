"""What an account has besides its leads: reasons of loss, sources, roles, widgets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.sandbox.cards import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    id: int
    created_at: int = 0
    updated_at: int = 0
    created_by: int = 0
    updated_by: int = 0
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReason(_Listed):
    """Why a lead was lost."""

    name: str
    sort: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadSource(_Listed):
    """Where leads come from, as an integration declares it."""

    name: str
    external_id: str
    pipeline_id: int
    origin_code: str | None = None
    default: bool = False
    services: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(_Listed):
    """Rights that several users share."""

    name: str
    rights: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Widget:
    """A widget of the account's integrations.

    Attributes:
        client_uuid: Of the integration it belongs to, whose tokens alone see its settings.
    """

    id: int
    code: str
    version: str = "1.0.0"
    client_uuid: str | None = None
    is_lead_source: bool = False
    is_work_with_dp: bool = True
    settings_template: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is installed."""
        return self.settings is not None


def loss_reasons() -> Box:
    """The reasons that a new account has."""
    names = ("Too expensive", "Went to somebody else", "No need any more")
    box = Box(1)
    for place, name in enumerate(names):
        box.add(LossReason, {"name": name, "sort": 100_000 * (place + 1)}, by=0, now=1_700_000_000)
    return box
