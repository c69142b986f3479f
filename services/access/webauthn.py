"""What a browser is asked about passkeys, and whether it answered truly.

Source:
    Web Authentication, level 3; `webauthn` checks the answers. A finger, a face or a number is
    required, so a passkey is two things at once; which make a device is of, nobody asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.access.passkeys import Passkey
from services.access.relying import NAME, RelyingParty

ANSWER_BYTES_MAX = 64 * 1_024
# What the library lets through of answers that are none; a property test looks for more.
FOREIGN = (
    WebAuthnException,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
REQUIRED = UserVerificationRequirement.REQUIRED


class AnswerNotTrue(Exception):
    """A browser's answer is malformed, for another question or address, or not signed rightly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyQuestion:
    """What a browser is asked.

    Attributes:
        options: JSON for `navigator.credentials`.
        challenge: What the answer has to have signed.
    """

    options: str
    challenge: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A passkey that a device has made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]


def ask_for_new(
    party: RelyingParty, *, handle: bytes, login: str, name: str, known: Sequence[Passkey]
) -> PasskeyQuestion:
    """Ask for another passkey of somebody.

    Args:
        party: For which address.
        handle: Names them for their device, and tells nobody who they are.
        login: Shown to them where they choose among several.
        name: The same.
        known: Those they have; the device makes no second one.
    """
    options = generate_registration_options(
        rp_id=party.host,
        rp_name=NAME,
        user_id=handle,
        user_name=login,
        user_display_name=name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=k.credential_id) for k in known],
    )
    return PasskeyQuestion(options=options_to_json(options), challenge=options.challenge)


def new_credential(party: RelyingParty, challenge: bytes, answer: str) -> NewCredential:
    """The passkey of an answer.

    Raises:
        AnswerNotTrue: It is none to this question at this address.
    """
    try:
        credential = parse_registration_credential_json(_bounded(answer))
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except FOREIGN as error:
        raise AnswerNotTrue("the answer about a new passkey is not true") from error
    return NewCredential(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=tuple(each.value for each in credential.response.transports or ()),
    )


def ask_for_any(party: RelyingParty) -> PasskeyQuestion:
    """Ask for a passkey, of whoever it may be: nobody learns who has one."""
    options = generate_authentication_options(rp_id=party.host, user_verification=REQUIRED)
    return PasskeyQuestion(options=options_to_json(options), challenge=options.challenge)


def credential_of(answer: str) -> bytes:
    """Which passkey an answer says it is by; nothing is checked yet.

    Raises:
        AnswerNotTrue: It is no answer.
    """
    try:
        return parse_authentication_credential_json(_bounded(answer)).raw_id
    except FOREIGN as error:
        raise AnswerNotTrue("the answer by a passkey is not one") from error


def count_of(party: RelyingParty, challenge: bytes, answer: str, passkey: Passkey) -> int:
    """What the passkey's device has counted to, by an answer that is true.

    Raises:
        AnswerNotTrue: It is not, or was given without a finger, a face or a number.
    """
    try:
        verified = verify_authentication_response(
            credential=_bounded(answer),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # a copy is told apart where it is kept
            require_user_verification=True,
        )
    except FOREIGN as error:
        raise AnswerNotTrue("the answer by a passkey is not true") from error
    return verified.new_sign_count


def _bounded(answer: str) -> dict[str, Any]:
    if len(answer) > ANSWER_BYTES_MAX:
        raise AnswerNotTrue("the answer is too long")
    found = orjson.loads(answer)
    if not isinstance(found, dict):
        raise AnswerNotTrue("the answer is no object")
    return found
