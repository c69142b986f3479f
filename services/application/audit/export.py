"""An account's history in a file that can be audited anywhere (I7, S23)."""

import asyncio
import os
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from domain import snapshot
from domain.state import Account
from services.application.access import note_access
from services.application.audit.account import PIECE, Audited, Walk
from services.application.audit.bundle import Bundle, BundleEnd, BundleWriter
from services.application.audit.replay import Fault, Faulty, Replay
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.progress import Progress
from services.application.refused import Refused
from services.shared.private_files import private
from services.shared.signing import fingerprint
from services.shared.wall_clock import utc_now
from services.storage.accounts import RegisteredAccount
from services.storage.chain import Chain
from services.storage.signing import SigningKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedFile:
    """What came of an audit, and of whose file.

    Attributes:
        fingerprint: Of the key that it is signed with.
        made_at: When, as the file says.
    """

    audited: Audited
    fingerprint: str
    made_at: str


async def export(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    path: Path,
    *,
    last: int | None = None,
    progress: Progress = lambda _done, _goal: None,
) -> AuditedFile:
    """Audit an account from its first event on, and write what was audited to a file.

    The file gets its name when it is complete, so one of before is kept until then. Where there is
    a fault, none is written.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        path: Of the file.
        last: Version of the last event; None for all there are now.
        progress: Told how many of how many events are done.

    Raises:
        Refused: They may not have it.
        OSError: The file cannot be written.
        services.shared.errors.Unavailable: The database does not answer.
    """
    principal.require("audit")
    principal.require("export")
    await note_access(installation, account.account_id, principal, "export")
    key = await SigningKeys(installation.pool, installation.accounts.vault).own()
    made_at = utc_now().isoformat(timespec="seconds")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with await asyncio.to_thread(open, aside, "wb", opener=private) as file:
            writer = BundleWriter(file, key)
            writer.begin(account.account_id, made_at=made_at)
            walk = Walk(installation, account.account_id, progress=progress, sink=writer.events)
            audited = await walk.go(first=1, last=last)
            if audited.fault is None:
                writer.end(_end(audited, walk.replay))
                aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return AuditedFile(audited=audited, fingerprint=fingerprint(key.public), made_at=made_at)


def _end(audited: Audited, replay: Replay) -> BundleEnd:
    return BundleEnd(
        last=audited.last,
        link=audited.link,
        digest=audited.digest,
        revision=snapshot.REVISION,
        rules=replay.account.rules_data,
    )


def audit_file(
    path: Path, *, key: str | None = None, progress: Progress = lambda _done, _goal: None
) -> AuditedFile:
    """Audit what a file holds, with nothing else at hand.

    Args:
        path: Of the file.
        key: The fingerprint of the key that must have signed it; None for any.
        progress: Told how many of how many events are done.

    Raises:
        Refused: It is no bundle, not as it was written, or signed with another key.
        OSError: The file cannot be read.
    """
    bundle = Bundle.open(path)
    signer = fingerprint(bundle.public_key)
    if key is not None and key.lower() != signer:
        raise Refused("bundle_of_another_key", key=signer)
    account_id, end = bundle.head.account, bundle.end
    replay = Replay(Account(account_id), Chain.of(account_id, has_links=False))
    audited = Audited(
        account_id=account_id, first=1, last=end.last, events=0, decisions=0, snapshots=0
    )
    fault = None
    try:
        events = bundle.events()
        while piece := list(islice(events, PIECE)):
            replay.take(piece)
            progress(replay.events, bundle.count)
        _compare(replay, end)
    except Faulty as faulty:
        fault = faulty.fault
    return AuditedFile(
        audited=replace(
            audited,
            events=replay.events,
            decisions=replay.decisions,
            digest="" if fault else end.digest,
            link="" if fault else end.link,
            fault=fault,
        ),
        fingerprint=signer,
        made_at=bundle.head.made_at,
    )


def _compare(replay: Replay, end: BundleEnd) -> None:
    """Hold the end of the replay against what the file says of it."""
    version = replay.account.version
    if version != end.last:
        raise Faulty(Fault(kind="chain", version=version + 1, field="event_missing"))
    if replay.chain.link.hex() != end.link:
        raise Faulty(Fault(kind="chain", version=version, field="head_altered"))
    # The state of another release has another shape; its decisions were all taken again.
    if end.revision == snapshot.REVISION:
        found = snapshot.digest(replay.account).hex()
        if found != end.digest:
            raise Faulty(Fault(kind="digest", version=version, recorded=end.digest, found=found))
