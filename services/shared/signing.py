"""Signatures by which others know that something came from an installation and was not altered."""

from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
_GROUP = 4
_GROUPS = 8


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Signs by Ed25519. The private part never shows in its `repr`.

    Attributes:
        private: 32 bytes.
    """

    private: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "SigningKey":
        """A random one."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> bytes:
        """What others verify with."""
        return self._key().public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        return self._key().sign(message)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private)


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the message was signed with the private part of a public key."""
    if len(public) != PUBLIC_KEY_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def fingerprint(public: bytes) -> str:
    """A public key for people to compare: half of its SHA-256, in groups."""
    digits = sha256(public).hexdigest()
    return "-".join(digits[place * _GROUP : (place + 1) * _GROUP] for place in range(_GROUPS))
