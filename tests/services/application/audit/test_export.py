"""An exported audit is verified on a machine that has nothing else; hostile files end in a line."""

import gzip
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain import snapshot
from services.access.roles import ROLES, Role
from services.application.audit import bundle
from services.application.audit.account import audit
from services.application.audit.bundle import BundleEnd, BundleWriter
from services.application.audit.export import audit_file, export
from services.application.audit.replay import StoredBytes
from services.application.principal import Principal
from services.application.refused import Refused
from services.shared.codec import encode_event
from services.shared.signing import SigningKey, fingerprint
from services.storage.signing import SigningKeys
from tests.services.application.audit.kit import (
    GOLDEN,
    NOBODY,
    SUPERVISOR,
    VIEWER,
    audience,
)
from tests.support.vault import VAULT

KEY = SigningKey.new()


def written(path: Path, name: str = "plain-day", *, key: SigningKey = KEY, **changes: Any) -> Path:
    """A bundle of a golden history, whatever its last line then says."""
    golden = GOLDEN[name]
    account_id = golden.head["account_id"]
    events = [
        StoredBytes(r.version, *encode_event(r)) for _, answers in golden.steps for r in answers
    ]
    told = {
        "last": len(events),
        "link": "00",
        "digest": "00",
        "revision": snapshot.REVISION,
        "rules": None,
        **changes,
    }
    with path.open("wb") as file:
        writer = BundleWriter(file, key)
        writer.begin(account_id, made_at="2026-11-29T12:00:00+00:00")
        writer.events(told.pop("events", events))
        writer.end(BundleEnd(**told))
    return path


@pytest.mark.parametrize("name", ["rough-weather", "what-belongs-to-a-lead"])
async def test_I7_S23_an_exported_audit_needs_no_database(
    pool: Any, tmp_path: Path, name: str
) -> None:
    asked, path = await audience(pool, name), tmp_path / "acme.audit"

    exported = await export(asked.installation, asked.account, SUPERVISOR, path)
    found = audit_file(path, key=exported.fingerprint)

    here = await audit(asked.installation, asked.account, VIEWER)
    assert exported.audited == here
    assert found == exported
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["acme.audit"]  # noqa: PTH208 - in a coroutine
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [line[0] for line in lines[1:-2]] == [r.version for r in asked.events]
    assert lines[-2]["rules"] == asked.state(len(asked.events)).rules_data


async def test_S23_an_export_may_end_before_the_last_event(pool: Any, tmp_path: Path) -> None:
    asked, path = await audience(pool), tmp_path / "some"

    exported = await export(asked.installation, asked.account, SUPERVISOR, path, last=7)

    assert exported.audited.events == 7
    assert audit_file(path).audited == exported.audited


async def test_S23_what_is_broken_is_told_and_not_exported(pool: Any, tmp_path: Path) -> None:
    asked, path = await audience(pool), tmp_path / "acme.audit"
    path.write_text("of before")
    await pool.execute("DELETE FROM account_events WHERE originator_version = 5")

    exported = await export(asked.installation, asked.account, SUPERVISOR, path)

    assert exported.audited.fault is not None
    assert exported.audited.fault.version == 5
    assert path.read_text() == "of before"
    assert os.listdir(tmp_path) == ["acme.audit"]  # noqa: PTH208 - in a coroutine


async def test_S17_the_signing_key_is_one_and_sealed(pool: Any) -> None:
    keys = SigningKeys(pool, VAULT)
    first = await keys.own()

    assert await SigningKeys(pool, VAULT).own() == first
    sealed = await pool.fetchval("SELECT sealed FROM signing_key")
    assert first.private not in sealed
    assert first.private.hex() not in repr(first)
    assert await keys.reseal() == 0


def _lines(path: Path, change: Callable[[list[bytes]], None]) -> None:
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    change(lines)
    path.write_bytes(gzip.compress(b"\n".join(lines)))


def _swap(lines: list[bytes]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def _flip(lines: list[bytes]) -> None:
    lines[3] = lines[3][:-3] + bytes([lines[3][-3] ^ 1]) + lines[3][-2:]


def _unsign(lines: list[bytes]) -> None:
    del lines[-2]


def _other_key(lines: list[bytes]) -> None:
    head = json.loads(lines[0])
    lines[0] = json.dumps({**head, "public_key": "AAAA"}).encode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_swap, "bundle_altered"),
        (_flip, "bundle_altered"),
        (lambda lines: lines.pop(3), "bundle_altered"),
        (lambda lines: lines.insert(3, lines[3]), "bundle_altered"),
        (lambda lines: lines.append(b"{}\n"), "bundle_cut_short"),
        (_other_key, "bundle_altered"),
        (_unsign, "bundle_cut_short"),
        (lambda lines: lines.__setitem__(0, b'{"format": "fairlead audit"}'), "file_no_bundle"),
        (lambda lines: lines.__setitem__(0, b"[" * 100_000), "file_no_bundle"),
        (
            lambda lines: lines.__setitem__(0, lines[0].replace(b'"v":1', b'"v":2')),
            "bundle_of_newer_release",
        ),
        (lambda lines: lines.clear(), "file_no_bundle"),
    ],
)
def test_S23_an_altered_file_is_refused(tmp_path: Path, change: Any, code: str) -> None:
    path = written(tmp_path / "one")
    _lines(path, change)

    with pytest.raises(Refused) as refused:
        audit_file(path)
    assert refused.value.code == code


def test_S23_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = written(tmp_path / "one").read_bytes()
    path, codes = tmp_path / "cut", set()
    for length in (0, 1, 2, 3, 12, *range(20, len(whole), 97), len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(Refused) as refused:
            audit_file(path)
        codes.add(refused.value.code)

    assert codes <= {"bundle_cut_short", "file_no_bundle"}


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"\x1f\x8b", b"\x1f\x8bnonsense that is no gzip", b"{}", os.urandom(4_096)],
)
def test_S23_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(Refused) as refused:
        audit_file(path)
    assert refused.value.code in {"file_no_bundle", "bundle_altered", "bundle_cut_short"}


def test_S23_what_stands_behind_the_end_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "one")
    for more in (b"x", gzip.compress(b"more\n"), b"\0" * 200_000):
        path.write_bytes(written(path).read_bytes() + more)
        with pytest.raises(Refused, match="bundle_altered"):
            audit_file(path)


def test_S23_a_bomb_is_left_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "GROWTH_ALLOWED_FROM", 1024 * 1024)
    monkeypatch.setattr(bundle, "LINE_BYTES_MAX", 256 * 1024)
    path = tmp_path / "bomb"
    for part in (b"\0", b"\n", b"[1]\n"):
        packer = zlib.compressobj(9, wbits=31)
        head = gzip.decompress(written(path).read_bytes()).split(b"\n")[0]
        packed = packer.compress(head + b"\n")
        for _ in range(16):
            packed += packer.compress(part * (1024 * 1024 // len(part)))
        path.write_bytes(packed + packer.flush())

        with pytest.raises(Refused, match="bundle_too_large"):
            audit_file(path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing"])
def test_S23_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)

    with pytest.raises((Refused, OSError)):
        audit_file(path)


def test_S23_whose_file_it_is_can_be_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "one")

    assert audit_file(path, key=fingerprint(KEY.public)).fingerprint == fingerprint(KEY.public)
    with pytest.raises(Refused) as refused:
        audit_file(path, key=fingerprint(SigningKey.new().public))
    assert refused.value.code == "bundle_of_another_key"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ("chain", "head_altered")),
        ({"last": 3}, ("chain", "event_missing")),
        ({"events": [StoredBytes(2, "lead.seen", b"{}")]}, ("chain", "event_missing")),
        ({"events": [StoredBytes(1, "lead.sold", b"{}")]}, ("unreadable", "")),
        ({"events": [StoredBytes(1, "lead.seen", b'{"v":1}')]}, ("unreadable", "")),
    ],
)
def test_S23_a_signer_who_lies_is_found_out(
    tmp_path: Path, changes: dict[str, Any], kind: tuple[str, str]
) -> None:
    found = audit_file(written(tmp_path / "one", **changes)).audited

    assert found.fault is not None
    assert (found.fault.kind, found.fault.field) == kind
    assert (found.link, found.digest) == ("", "")


def test_S23_what_was_signed_may_be_no_events_at_all(tmp_path: Path) -> None:
    path = written(tmp_path / "one", events=[StoredBytes(1, "x", b"1,2,3")])

    with pytest.raises(Refused, match="file_no_bundle"):
        audit_file(path)


@pytest.mark.parametrize("role", ["manager", "operator", "viewer"])
async def test_S8_who_may_not_export_gets_nothing(tmp_path: Path, role: Role) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await export(NOBODY, NOBODY, principal, tmp_path / "one")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - in a coroutine
