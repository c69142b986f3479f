"""Answers about passkeys that are none end in one refusal, whatever is wrong with them (S29)."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.access import webauthn
from services.access.passkeys import Passkey
from services.access.relying import RelyingParty
from tests.services.application.people.device import Device

PARTY = RelyingParty(host="leads.example.com", origin="https://leads.example.com")
DEVICE = Device()
NEW = webauthn.ask_for_new(PARTY, handle=b"h", login="ana", name="Ana", known=[])
MADE = DEVICE.make(NEW.options)
CREDENTIAL = webauthn.new_credential(PARTY, NEW.challenge, MADE)
ANY = webauthn.ask_for_any(PARTY)
SHOWN = DEVICE.show(ANY.options)
PASSKEY = Passkey(
    id=1,
    person_id=1,
    credential_id=CREDENTIAL.credential_id,
    public_key=CREDENTIAL.public_key,
    sign_count=0,
    transports=(),
    name="phone",
    made_at=datetime(2026, 1, 1, tzinfo=UTC),
    used_at=None,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
encoded = st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode())


def altered(answer: str, place: int, value: Any) -> str:
    """The answer with another value at one of its places, of its response or around it."""
    said = json.loads(answer)
    places = [(said, key) for key in said] + [(said["response"], key) for key in said["response"]]
    inside, key = places[place % len(places)]
    inside[key] = value
    return json.dumps(said)


def is_true(kind: str, answer: str) -> bool:
    """Whether it is taken; anything but our own refusal is a bug."""
    try:
        if kind == "new":
            webauthn.new_credential(PARTY, NEW.challenge, answer)
        else:
            webauthn.credential_of(answer)
            webauthn.count_of(PARTY, ANY.challenge, answer, PASSKEY)
    except webauthn.AnswerNotTrue:
        return False
    return True


def test_what_the_device_answers_is_true() -> None:
    assert (is_true("new", MADE), is_true("any", SHOWN)) == (True, True)
    assert (is_true("any", MADE), is_true("new", SHOWN)) == (False, False)


@given(st.sampled_from(["new", "any"]), st.text(max_size=50) | json_values.map(json.dumps))
def test_attack_S29_what_is_no_answer_is_refused(kind: str, answer: str) -> None:
    assert not is_true(kind, answer)


@given(st.sampled_from(["new", "any"]), st.integers(0, 20), json_values | encoded)
def test_attack_S29_an_answer_with_another_value_is_taken_or_refused_and_no_more(
    kind: str, place: int, value: Any
) -> None:
    answer = MADE if kind == "new" else SHOWN

    assert is_true(kind, altered(answer, place, value)) in (True, False)


@given(st.integers(0, 5_000), st.integers(0, 255))
def test_attack_S29_an_attestation_with_another_byte_is_taken_or_refused_and_no_more(
    place: int, byte: int
) -> None:
    said = json.loads(MADE)
    text = said["response"]["attestationObject"]
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[place % len(raw)] = byte
    said["response"]["attestationObject"] = base64.urlsafe_b64encode(raw).decode()

    assert is_true("new", json.dumps(said)) in (True, False)


@given(st.integers(0, 5_000), st.integers(1, 255))
def test_attack_S29_signed_data_with_another_byte_is_refused(place: int, change: int) -> None:
    said = json.loads(SHOWN)
    text = said["response"]["authenticatorData"]
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[place % len(raw)] ^= change
    said["response"]["authenticatorData"] = base64.urlsafe_b64encode(raw).decode()

    assert not is_true("any", json.dumps(said))
