"""`fairlead webhooks`, beside a running fairlead and a receiver that somebody wrote (A8.4)."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.cli.conftest import Here
from tests.support.hook_target import HookTarget, hook_target, status
from tests.support.waiting import until_now

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "webhooks.md"


@contextmanager
def receiving() -> Iterator[HookTarget]:
    """A target beside commands, which have loops of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    target = hook_target()
    try:
        yield asyncio.run_coroutine_threadsafe(target.__aenter__(), loop).result(10)
    finally:
        ended = target.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(ended, loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def crm(here: Here) -> Iterator[tuple[HookTarget, str]]:
    """A target called `crm`, and its secret."""
    with receiving() as target:
        event = "assignment.confirmed"
        said = here.say("webhooks", "add", "crm", "--url", target.url, "--event", event)
        assert said.status == 0, said
        (_, secret) = said.out.splitlines()
        yield target, secret
        here.say("webhooks", "remove", "crm", "--yes")


def receive_of_the_guide(secret: str) -> Any:
    """The function that the guide shows to whoever writes a receiver."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code.replace("whsec_...", secret), names)  # noqa: S102 - our own documentation
    return names["receive"]


def test_A8_4_what_happens_arrives_and_the_guides_receiver_takes_it(
    here: Here, crm: tuple[HookTarget, str], capsys: pytest.CaptureFixture[str]
) -> None:
    target, secret = crm
    lead_id = here.assigned_lead()
    until_now(lambda: target.told)
    (told,) = target.told
    receive = receive_of_the_guide(secret)

    assert told.data["type"] == "assignment.confirmed"
    assert told.data["lead_id"] == lead_id
    assert receive(told.body, told.headers) == 204
    assert "assignment.confirmed" in capsys.readouterr().out
    assert receive(told.body + b" ", told.headers) == 401

    def delivered() -> Any:
        (found,) = json.loads(here.say("webhooks", "deliveries", "--json").out)
        return found if found["state"] == "delivered" else None

    until_now(delivered)
    assert (delivered()["message_id"], delivered()["attempts"]) == (told.id, 1)


def test_A8_4_a_ping_tells_what_the_target_answers(here: Here, crm: tuple[HookTarget, str]) -> None:
    target, secret = crm
    said = here.say("webhooks", "ping", "crm")
    target.answer = status(500)
    failed = here.say("webhooks", "ping", "crm")

    assert said.out == "crm has taken it, and answered 200.\n"
    assert failed.error == "crm has not taken it: it answered 500"
    assert receive_of_the_guide(secret)(target.told[0].body, target.told[0].headers) == 204
    listed = here.say("webhooks", "deliveries", "--state", "failed", "--target", "crm")
    assert "it answered 500" in listed.out
    again = here.say("webhooks", "redeliver", "crm")
    assert again.out == "1 delivery to crm is sent once more.\n"


def test_A8_4_targets_are_listed_without_their_secrets(
    here: Here, crm: tuple[HookTarget, str]
) -> None:
    target, secret = crm
    table, data = here.say("webhooks", "targets"), here.say("webhooks", "targets", "--json")

    for shown in (target.url, "assignment.confirmed", "on"):
        assert shown in table.out
    assert secret.removeprefix("whsec_") not in table.out + data.out
    assert json.loads(data.out)[0]["name"] == "crm"


def test_A8_4_a_secret_is_rotated_and_both_sign_meanwhile(
    here: Here, crm: tuple[HookTarget, str]
) -> None:
    target, former = crm
    said = here.say("webhooks", "rotate", "crm")
    present = said.out.splitlines()[-1]
    here.say("webhooks", "ping", "crm")
    (told,) = target.told

    assert present != former
    for secret in (present, former):
        assert receive_of_the_guide(secret)(told.body, told.headers) == 204


def test_S14_what_is_no_target_is_refused_in_words(here: Here) -> None:
    said = here.say("webhooks", "add", "crm", "--url", "https://user@hooks.example.com/")
    inside = here.say("webhooks", "add", "crm", "--url", "https://10.0.0.1/")
    unknown = here.say("webhooks", "ping", "nobody")

    assert "without a user or password" in said.error
    assert "expected the name of a host" in inside.error
    assert "there is no target called nobody" in unknown.error
    empty = here.say("webhooks", "targets")
    assert empty.out.startswith("Nobody is told.")
