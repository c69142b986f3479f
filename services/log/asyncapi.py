"""The document of the topics, for whoever reads or writes them with other tools (AsyncAPI 3).

The framework writes it from typed messages; these are made from the contracts and from the
names and versions under which the codec stores them, so that there is one place for each.
"""

from importlib.metadata import version
from typing import Annotated, Any, Literal, Union

import orjson
from faststream import FastStream
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import AwareDatetime, BaseModel, Field, create_model

from contracts.topics import ALLOCATIONS, INBOUND
from services.shared.codec import EVENT_NAMES, EVENT_VERSIONS, INBOUND_NAMES, INBOUND_VERSIONS

TITLE = "Fairlead"
DESCRIPTION = (
    "The two logs of the distributed installation. Every message is keyed by Kommo's id of the"
    " account as text, and an account keeps to one partition, so all that concerns it has one"
    " order. Messages come at least once."
)
INBOUND_DESCRIPTION = (
    "Everything that can change an account: facts from Kommo, commands, timers that came due,"
    " results of calls to Kommo. Written by ingress, gateway, clock and commands, read by the"
    " allocator."
)
ALLOCATIONS_DESCRIPTION = (
    "What was decided and learnt: every event of an account, versions 1, 2, 3, ... The event"
    " store is the truth: a reader that sees a gap reads there. `event` is null when it is larger"
    " than the log takes. A newer release may write types that are not listed here."
)
# The partition follows from our own hash of the key, see docs/decisions/0006.
KEY = {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "Kommo's id of the account."}

AccountId = Annotated[int, Field(ge=1)]
Version = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]


def inbound_messages() -> Any:  # noqa: ANN401 - a union made at run time
    """The union of what the inbound log may hold, as it lies there."""
    return _union(
        _model(
            f"{shape.__name__}Message",
            _first_line(shape),
            v=Literal[INBOUND_VERSIONS[name]],
            type=Literal[name],
            id=Name,
            account=AccountId,
            at=AwareDatetime,
            data=shape,
        )
        for shape, name in INBOUND_NAMES.items()
    )


def allocation_messages() -> Any:  # noqa: ANN401 - a union made at run time
    """The union of what the allocations log may hold, as it lies there."""
    return _union(
        _model(
            f"{shape.__name__}Message",
            _first_line(shape),
            v=Literal[1],
            account=AccountId,
            version=Version,
            type=Literal[name],
            event=_stored(shape, name) | None,
        )
        for shape, name in EVENT_NAMES.items()
    )


def document() -> bytes:
    """The document as JSON, the same for the same release."""
    broker = KafkaBroker("localhost:9092")
    broker.publisher(
        INBOUND, title="inbound", description=INBOUND_DESCRIPTION, schema=inbound_messages()
    )
    broker.publisher(
        ALLOCATIONS,
        title="allocations",
        description=ALLOCATIONS_DESCRIPTION,
        schema=allocation_messages(),
    )
    specification = AsyncAPI(title=TITLE, version=version("fairlead"), description=DESCRIPTION)
    app = FastStream(broker, specification=specification)
    found = app.schema.to_specification().to_jsonable()
    for message in found["components"]["messages"].values():
        # The framework's own header, which our messages do not carry.
        del message["correlationId"]
        message["bindings"] = {"kafka": {"key": KEY, "bindingVersion": "0.4.0"}}
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(found, option=options)


def _union(models: Any) -> Any:  # noqa: ANN401 - made at run time
    return Annotated[Union[tuple(models)], Field(discriminator="type")]  # noqa: UP007


def _stored(shape: type, name: str) -> type[BaseModel]:
    return _model(
        f"{shape.__name__}Stored",
        "An event as it lies in the store, with the message it answers.",
        v=Literal[EVENT_VERSIONS[name]],
        cause=str,
        data=shape,
    )


def _model(name: str, text: str, **kinds: Any) -> type[BaseModel]:  # noqa: ANN401 - of any kind
    fields: dict[str, Any] = {field: (kind, ...) for field, kind in kinds.items()}
    return create_model(name, __doc__=text, **fields)


def _first_line(shape: type) -> str:
    return (shape.__doc__ or "").partition("\n")[0]
