"""Events replayed one after the other, each held against its link and taken again (I7, S23)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from contracts.sentences import Sentence, sentence
from domain.evolve import evolve
from domain.explain.retaken import Retaker
from domain.state import Account
from services.shared.codec import decode_event
from services.shared.errors import Malformed
from services.storage.chain import Broken, Chain

# Of a value in a report: a whole rules file is no line.
SHOWN_MAX = 200
Kind = Literal["chain", "unreadable", "unfoldable", "decision", "digest"]


class StoredBytes(NamedTuple):
    """An event as it lies in the log."""

    version: int
    name: str
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing that is not as it was.

    Attributes:
        kind: What told: the chain, a decision that comes out otherwise, a digest, an event that
            this release cannot read or that does not fit the account.
        version: Of the event.
        name: Of the event; empty where there is none.
        field: In it; for the chain, what is wrong with it.
        recorded: What is there.
        found: What should be.
    """

    kind: Kind
    version: int
    name: str = ""
    field: str = ""
    recorded: str = ""
    found: str = ""

    def told(self) -> Sentence:
        """In a sentence."""
        version, name, recorded, found = self.version, self.name, self.recorded, self.found
        match self.kind:
            case "chain":
                return sentence(f"audit.chain.{self.field}", version=version)
            case "unreadable":
                return sentence("audit.unreadable", version=version, words=found)
            case "unfoldable":
                return sentence("audit.unfoldable", version=version, name=name, words=found)
            case "digest":
                return sentence("audit.digest", version=version, recorded=recorded, found=found)
            case "decision":
                return sentence(
                    "audit.decision",
                    version=version,
                    name=name,
                    field=self.field,
                    recorded=recorded,
                    found=found,
                )


class Faulty(Exception):
    """The replay ends here."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"event {fault.version}: {fault.kind} {fault.field}")
        self.fault = fault


@dataclass(slots=True)
class Replay:
    """An account on its way through its events.

    Attributes:
        account: After the last one.
        chain: Up to the last one.
        events: How many were replayed.
    """

    account: Account
    chain: Chain
    events: int = 0
    _retaker: Retaker = field(default_factory=Retaker)

    @property
    def decisions(self) -> int:
        """How many decisions were taken again."""
        return self._retaker.decisions

    def take(self, events: Iterable[StoredBytes]) -> None:
        """Replay the next events.

        Raises:
            Faulty: One of them is not as it was.
        """
        account_id = self.account.account_id
        for version, name, state in events:
            try:
                self.chain.follow(version, name, state)
                event = decode_event(account_id, version, name, state).event
            except Broken as broken:
                raise Faulty(chain_fault(broken, name)) from broken
            except Malformed as error:
                fault = Fault(kind="unreadable", version=version, name=name, found=str(error))
                raise Faulty(fault) from error
            try:
                difference = self._retaker.compare(self.account, event)
                if difference is None:
                    evolve(self.account, event)
            except Exception as error:  # whatever an event that was never decided makes of it
                text = f"{type(error).__name__}: {error}"
                fault = Fault(kind="unfoldable", version=version, name=name, found=_shown(text))
                raise Faulty(fault) from error
            if difference is not None:
                raise Faulty(
                    Fault(
                        kind="decision",
                        version=version,
                        name=name,
                        field=difference.field,
                        recorded=_shown(difference.recorded),
                        found=_shown(difference.found),
                    )
                )
            self.events += 1


def chain_fault(broken: Broken, name: str = "") -> Fault:
    """What is wrong with the chain, as the others are told."""
    return Fault(kind="chain", version=broken.version, name=name, field=broken.what)


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."
