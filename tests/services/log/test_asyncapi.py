"""The document of the topics says what really lies in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from pydantic import TypeAdapter
from typer.testing import CliRunner

from contracts.events import Recorded
from contracts.inbound import Inbound
from services.cli.main import app
from services.log import asyncapi
from services.log.kafka import KafkaSettings, declared_topics
from services.shared.codec import EVENT_NAMES, INBOUND_NAMES, encode_event, encode_inbound
from tests.services.shared.test_codec import BODIES, EVENTS
from tests.support.samples import NINE

STORED = Path(__file__).parents[3] / "contracts" / "schemas" / "asyncapi.json"
INBOUND = TypeAdapter(asyncapi.inbound_messages())
ALLOCATIONS = TypeAdapter(asyncapi.allocation_messages())


def test_the_checked_in_document_is_that_of_the_code() -> None:
    assert STORED.read_bytes() == asyncapi.document(), "run `make schemas`"


def test_it_has_every_topic_and_every_message_and_nothing_points_nowhere() -> None:
    document = json.loads(STORED.read_bytes())
    addresses = {channel["address"] for channel in document["channels"].values()}
    types = {
        schema["properties"]["type"]["const"]
        for schema in document["components"]["schemas"].values()
        if "type" in schema.get("properties", {}) and "v" in schema["properties"]
    }

    assert document["asyncapi"] == "3.0.0"
    assert addresses == {topic.name for topic in declared_topics(KafkaSettings())}
    assert types == {*EVENT_NAMES.values(), *INBOUND_NAMES.values()}
    assert [ref for ref in _references(document) if _target(document, ref) is None] == []


@given(BODIES)
def test_what_is_published_inbound_is_what_the_document_says(body: Any) -> None:
    message = Inbound(account_id=7, message_id="m1", at=NINE, body=body)

    assert INBOUND.validate_json(encode_inbound(message), strict=True).account == 7


@given(EVENTS)
def test_what_is_relayed_is_what_the_document_says(event: Any) -> None:
    name, state = encode_event(Recorded(account_id=7, version=1, cause="m1", event=event))
    envelope = {"v": 1, "account": 7, "version": 1, "type": name}

    for told in (orjson.Fragment(state), None):
        assert ALLOCATIONS.validate_json(orjson.dumps(envelope | {"event": told})).type == name


def test_the_command_prints_it() -> None:
    said = CliRunner().invoke(app, ["asyncapi"], env={"COLUMNS": "80"})

    assert said.exit_code == 0
    assert said.stdout.encode() == STORED.read_bytes()


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _target(document: Any, reference: str) -> Any:
    found = document
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found
