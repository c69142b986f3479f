"""`fairlead settings`: every knob, as one table made from the classes that read them."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.allocator.settings import AllocatorSettings
from services.clock.app import Settings as ClockSettings
from services.gateway.settings import Settings as GatewaySettings
from services.ingress.settings import IngressSettings
from services.log.kafka import KafkaSettings
from services.ops.settings import OpsSettings
from services.relay.settings import RelaySettings
from services.settings import InstallationSettings

KINDS: dict[str, type[BaseSettings]] = {
    "Every process": InstallationSettings,
    "Apache Kafka, the same in every process": KafkaSettings,
    "Health and metrics": OpsSettings,
    "ingress": IngressSettings,
    "allocator": AllocatorSettings,
    "allocator, its relay": RelaySettings,
    "gateway": GatewaySettings,
    "clock": ClockSettings,
}
HEAD = """# Settings

Read from the environment at the start of a process, and refused by name when out of bounds.
Written by `make schemas` from the classes; `fairlead settings` prints it.
"""
COLUMNS = "| variable | default | bounds | meaning |\n|---|---|---|---|"
SIGNS = {Ge: ("from", "ge"), Gt: ("above", "gt"), Le: ("to", "le"), Lt: ("below", "lt")}
ATTRIBUTE = re.compile(r"^    (\w+): (.*)$")


@dataclass(frozen=True, slots=True)
class Knob:
    """One variable."""

    variable: str
    default: str
    bounds: str
    meaning: str


def knobs_of(kind: type[BaseSettings]) -> Iterator[Knob]:
    """The knobs of a class, in its order."""
    meanings = meanings_of(kind)
    for name, field in kind.model_fields.items():
        yield Knob(
            f"{kind.model_config['env_prefix']}{name.upper()}",
            "" if field.default is None else str(field.default),
            _bounds(field),
            meanings.get(name, ""),
        )


def meanings_of(kind: type[BaseSettings]) -> dict[str, str]:
    """What the docstring says of each field."""
    found: dict[str, str] = {}
    name = None
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    for line in section.splitlines():
        begins = ATTRIBUTE.match(line)
        if begins is not None:
            name = begins[1]
            found[name] = begins[2]
        elif name is not None:
            found[name] += " " + line.strip()
    return found


def document() -> str:
    """All of it, in Markdown."""
    parts = [HEAD]
    for title, kind in KINDS.items():
        parts.append(
            f"\n## {title}\n\n| variable | default | bounds | meaning |\n|---|---|---|---|"
        )
        parts.extend(
            f"| `{knob.variable}` | {knob.default} | {knob.bounds} | {knob.meaning} |"
            for knob in knobs_of(kind)
        )
    return "\n".join(parts) + "\n"


def _bounds(field: FieldInfo) -> str:
    words = []
    for rule in field.metadata:
        if type(rule) in SIGNS:
            word, attribute = SIGNS[type(rule)]
            words.append(f"{word} {getattr(rule, attribute)}")
    return " ".join(words)
