"""Every setting of a process, and `fairlead settings`, which shows them as one table."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, Field

from services.access.settings import AccessSettings
from services.allocator.settings import AllocatorSettings
from services.clock.settings import ClockSettings
from services.gateway.settings import GatewaySettings
from services.ingress.settings import IngressSettings
from services.log.kafka import KafkaSettings
from services.ops.settings import OpsSettings
from services.relay.settings import RelaySettings
from services.runtime.environment import bounds_of, parts_of, variable_of
from services.shared.docstrings import described
from services.shared.settings import InstallationSettings, Settings
from services.storage.dead_letters import DeadLetterSettings
from services.storage.passwords import PasswordSettings
from services.storage.raw_bodies import RawBodySettings
from services.web.settings import WebSettings

HEAD = """# Settings

Read from the environment at the start of a process, and refused by name when out of bounds.
Written by `make schemas` from the classes; `fairlead settings` prints it.
"""


class OpeningSettings(BaseModel, frozen=True):
    """What an installation is opened with, by a process of roles or by a command.

    The titles here and below are those of the table.
    """

    installation: InstallationSettings = Field(
        default=InstallationSettings(), title="Every process"
    )
    kafka: KafkaSettings = Field(
        default=KafkaSettings(), title="Apache Kafka, the same in every process"
    )
    dead_letters: DeadLetterSettings = Field(default=DeadLetterSettings(), title="Dead letters")
    raw_bodies: RawBodySettings = Field(
        default=RawBodySettings(), title="Bodies of webhooks that were understood"
    )
    access: AccessSettings = Field(default=AccessSettings(), title="Who may, and signing in")


class EverySetting(OpeningSettings, frozen=True):
    """All that a process reads, whatever roles it runs: a mistake anywhere is told at its start."""

    ops: OpsSettings = Field(default=OpsSettings(), title="Health and metrics")
    ingress: IngressSettings = Field(default=IngressSettings(), title="ingress")
    allocator: AllocatorSettings = Field(default=AllocatorSettings(), title="allocator")
    relay: RelaySettings = Field(default=RelaySettings(), title="allocator, its relay")
    gateway: GatewaySettings = Field(default=GatewaySettings(), title="gateway")
    clock: ClockSettings = Field(default=ClockSettings(), title="clock")
    web: WebSettings = Field(default=WebSettings(), title="web")


class PreparingSettings(BaseModel, frozen=True):
    """What one command alone reads, and no process that runs."""

    passwords: PasswordSettings = Field(
        default=PasswordSettings(), title="`fairlead database prepare`"
    )


def kinds_of(group: type[BaseModel]) -> Iterator[type[Settings]]:
    """The classes of settings in a group, groups in it opened, in order."""
    for _, part in parts_of(group):
        if issubclass(part, Settings):
            yield part
        else:
            yield from kinds_of(part)


KINDS = (*kinds_of(EverySetting), *kinds_of(PreparingSettings))


@dataclass(frozen=True, slots=True)
class Knob:
    """One variable."""

    variable: str
    default: str
    bounds: str
    meaning: str


def knobs_of(kind: type[Settings]) -> Iterator[Knob]:
    """The knobs of a class, in its order."""
    _, meanings = described(kind.__doc__ or "")
    for name, field in kind.model_fields.items():
        yield Knob(
            variable_of(kind, name),
            "" if field.default is None else str(field.default),
            bounds_of(field),
            meanings.get(name, ""),
        )


def document() -> str:
    """All of it, in Markdown."""
    parts = [HEAD]
    for group in (EverySetting, PreparingSettings):
        for name, part in parts_of(group):
            title = group.model_fields[name].title
            parts.append(
                f"\n## {title}\n\n| variable | default | bounds | meaning |\n|---|---|---|---|"
            )
            kinds = [part] if issubclass(part, Settings) else kinds_of(part)
            parts.extend(
                f"| `{knob.variable}` | {knob.default} | {knob.bounds} | {knob.meaning} |"
                for kind in kinds
                for knob in knobs_of(kind)
            )
    return "\n".join(parts) + "\n"
