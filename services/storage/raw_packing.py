"""Several bodies in few bytes: Kommo writes the same long names of fields again and again.

The words that bodies share stand in a dictionary, so that one alone gets small, too. Whoever adds
words makes another version: what was packed with these has to be opened with these.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

VERSION = b"\x01"
LEVEL = 6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds since the epoch, length of the type of content, length of the content.
HEAD = struct.Struct(">qHI")
FORM = b"application/x-www-form-urlencoded"
ENTITIES = ("leads", "contacts", "task", "unsorted")
ACTIONS = ("update", "delete", "status", "responsible", "add")
FIELDS = (
    "name",
    "price",
    "type",
    "text",
    "tags%5D%5B0%5D%5Bname",
    "task_type",
    "element_id",
    "element_type",
    "date_create",
    "complete_till",
    "created_user_id",
    "modified_user_id",
    "main_user_id",
    "old_responsible_user_id",
    "old_status_id",
    "custom_fields%5D%5B0%5D%5Bvalues%5D%5B0%5D%5Bvalue",
    "responsible_user_id",
    "last_modified",
    "created_at",
    "updated_at",
    "pipeline_id",
    "status_id",
    "account_id",
    "id",
)
ACCOUNT = "account%5Bsubdomain%5D=&account%5Bid%5D=&account%5B_links%5D%5Bself%5D=https%3A%2F%2F"
WIDGET = (
    "event%5Btype%5D=14&event%5Btime%5D=&event%5Bdata%5D%5Bid%5D=&event%5Bdata%5D%5Belement_type%5D"
    "=2&event%5Bdata%5D%5Bdirection_of_movement%5D=went_to_trigger"
    "&action%5Bsettings%5D%5Bwidget%5D%5Bsettings%5D%5Brule%5D=&subdomain=&account_id="
)


def _words() -> bytes:
    """What bodies have in common, the most frequent last."""
    parts = [WIDGET]
    parts += [f"{entity}%5Bnote%5D%5B0%5D%5Bnote%5D%5B" for entity in ENTITIES]
    parts += [f"&{each}%5B{action}%5D%5B0%5D%5Bid%5D=" for each in ENTITIES for action in ACTIONS]
    parts += [f"&leads%5Badd%5D%5B0%5D%5B{field}%5D=" for field in FIELDS]
    return ("".join(parts) + ACCOUNT + ".kommo.com").encode() + FORM


DICTIONARY = _words()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBody:
    """A body as it came."""

    received_at: datetime
    content_type: str
    content: bytes


def pack(bodies: Iterable[RawBody]) -> bytes:
    """All of them, in their order."""
    packer = zlib.compressobj(LEVEL, zdict=DICTIONARY)
    parts = [VERSION]
    for body in bodies:
        type_ = body.content_type.encode()
        at = (body.received_at - EPOCH) // timedelta(microseconds=1)
        parts.append(packer.compress(HEAD.pack(at, len(type_), len(body.content)) + type_))
        parts.append(packer.compress(body.content))
    parts.append(packer.flush())
    return b"".join(parts)


def unpack(packed: bytes) -> Iterator[RawBody]:
    """What was packed, in its order.

    Raises:
        ValueError: A later release packed it.
    """
    if packed[:1] != VERSION:
        raise ValueError("packed by a later release")
    opener = zlib.decompressobj(zdict=DICTIONARY)
    plain = opener.decompress(packed[1:]) + opener.flush()
    begin = 0
    while begin < len(plain):
        at, type_length, length = HEAD.unpack_from(plain, begin)
        type_at = begin + HEAD.size
        content_at = type_at + type_length
        begin = content_at + length
        yield RawBody(
            received_at=EPOCH + timedelta(microseconds=at),
            content_type=plain[type_at:content_at].decode(),
            content=plain[content_at:begin],
        )
