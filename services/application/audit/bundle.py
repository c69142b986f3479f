"""An exported audit: everything that is needed to repeat it, in one signed file.

Lines of JSON, compressed with gzip, so that anybody can read them with other tools:

    {"format": "fairlead audit", "v": 1, "account": 1, "public_key": "...", "made_at": "..."}
    [1, "account.described", {...}]                         each event as it is stored
    {"last": 9, "link": "...", "digest": "...", "revision": 11, "rules": {...}}
    {"signature": "..."}

The signature is Ed25519 over the SHA-256 of all lines before it, which the public key of the first
line verifies. Whose key that is, people compare by its fingerprint.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from services.application.audit.replay import Fault, Faulty, StoredBytes
from services.application.refused import Refused
from services.shared.signing import SigningKey, is_signed

FORMAT = "fairlead audit"
VERSION = 1
SIGNED = b"fairlead audit 1\n"
MAGIC = b"\x1f\x8b"
GZIP = 31  # zlib's word for it
LEVEL = 3  # three quarters of the best size in a fifth of its time
READ_BYTES = 65_536
# Of one line: the largest rules file makes a tenth of it.
LINE_BYTES_MAX = 16 * 1024 * 1024
# Events compress to a tenth; what grows a hundredfold is made to.
GROWTH_MAX = 100
GROWTH_ALLOWED_FROM = 64 * 1024 * 1024


class BundleHead(msgspec.Struct, frozen=True):
    """The first line.

    Attributes:
        account: Kommo's id.
        public_key: In base64.
        made_at: For people.
    """

    format: str
    v: int
    account: int
    public_key: str
    made_at: str


class BundleEnd(msgspec.Struct, frozen=True):
    """The line behind the events.

    Attributes:
        last: Version of the last event.
        link: Of it: the head of the chain.
        digest: Of the state after it.
        revision: Of the digest.
        rules: In force then.
    """

    last: int
    link: str
    digest: str
    revision: int
    rules: dict[str, Any] | None


class BundleSignature(msgspec.Struct, frozen=True):
    """The last line."""

    signature: str


T = TypeVar("T")
_EVENT = msgspec.json.Decoder(tuple[int, str, msgspec.Raw])


@dataclass(slots=True)
class BundleWriter:
    """Writes a bundle line by line.

    Attributes:
        file: Where to.
        key: Signs it.
    """

    file: IO[bytes]
    key: SigningKey
    _packer: Any = field(default_factory=lambda: zlib.compressobj(LEVEL, wbits=GZIP))
    _hash: Any = field(default_factory=sha256)

    def begin(self, account_id: int, *, made_at: str) -> None:
        """The first line."""
        public = base64.b64encode(self.key.public).decode()
        self._line(msgspec.json.encode(BundleHead(FORMAT, VERSION, account_id, public, made_at)))

    def events(self, events: Sequence[StoredBytes]) -> None:
        """The next events.

        Raises:
            Faulty: One is not on one line, as all of ours are.
        """
        for version, name, state in events:
            if b"\n" in state:
                raise Faulty(Fault(kind="unreadable", version=version, name=name, found="2 lines"))
            self._line(b'[%d,"%b",%b]' % (version, name.encode(), state))

    def end(self, end: BundleEnd) -> None:
        """The line behind the events, and the signature."""
        self._line(msgspec.json.encode(end))
        signature = base64.b64encode(self.key.sign(SIGNED + self._hash.digest())).decode()
        self._line(msgspec.json.encode(BundleSignature(signature)))
        self.file.write(self._packer.flush())

    def _line(self, line: bytes) -> None:
        line += b"\n"
        self._hash.update(line)
        self.file.write(self._packer.compress(line))


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature fits; its events are read from the file when they are asked for.

    Attributes:
        public_key: Of whoever signed it.
        count: Of its events.
    """

    path: Path
    head: BundleHead
    public_key: bytes
    end: BundleEnd
    count: int

    @classmethod
    def open(cls, path: Path) -> "Bundle":
        """Read it once, and keep nothing but its ends.

        Raises:
            Refused: It is no bundle, or not as it was written.
            OSError: The file cannot be read.
        """
        lines, hashed = _lines(path), sha256()
        first = next(lines, b"")
        head = _decoded(first, BundleHead)
        if head is None or head.format != FORMAT:
            raise Refused("file_no_bundle")
        if head.v != VERSION:
            raise Refused("bundle_of_newer_release")
        hashed.update(first + b"\n")
        count, end, last = -2, b"", b""
        for line in lines:
            if last:
                hashed.update(last + b"\n")
            count, end, last = count + 1, last, line
        signature, public = _decoded(last, BundleSignature), _bytes(head.public_key)
        if signature is None:
            raise Refused("bundle_cut_short")
        if not is_signed(SIGNED + hashed.digest(), _bytes(signature.signature), public):
            raise Refused("bundle_altered")
        told = _decoded(end, BundleEnd)
        if told is None:
            raise Refused("file_no_bundle")
        return cls(path, head, public, told, count)

    def events(self) -> Iterator[StoredBytes]:
        """Its events, read once more.

        Raises:
            Refused: What was signed are no events.
        """
        for line in islice(_lines(self.path), 1, 1 + self.count):
            try:
                version, name, state = _EVENT.decode(line)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise Refused("file_no_bundle") from error
            yield StoredBytes(version, name, bytes(state))


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of the file, each complete; never more of it in memory than a line."""
    unpacker = zlib.decompressobj(wbits=GZIP)
    line, read, grown = b"", 0, 0
    if not path.is_file() and path.exists():  # a pipe would be waited for
        raise Refused("file_no_bundle")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Refused("file_no_bundle")
        file.seek(0)
        while packed := unpacker.unconsumed_tail or file.read(READ_BYTES):
            if unpacker.eof:  # something was written behind it
                raise Refused("bundle_altered")
            read = file.tell()
            try:
                part = unpacker.decompress(packed, READ_BYTES)
            except zlib.error as error:
                raise Refused("bundle_altered") from error
            grown += len(part)
            if grown > GROWTH_ALLOWED_FROM and grown > GROWTH_MAX * read:
                raise Refused("bundle_too_large")
            *complete, line = (line + part).split(b"\n")
            if len(line) > LINE_BYTES_MAX:
                raise Refused("bundle_too_large")
            yield from complete
    if not unpacker.eof or line:
        raise Refused("bundle_cut_short")
    if unpacker.unused_data:
        raise Refused("bundle_altered")


def _decoded(line: bytes, shape: type[T]) -> T | None:
    """What a line says; None if it does not say such a thing."""
    try:
        return msgspec.json.decode(line, type=shape)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _bytes(text: str) -> bytes:
    """What a text is in base64; nothing if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
