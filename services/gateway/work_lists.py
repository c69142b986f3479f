"""What is read and handed over because accounts ask for it: lists, and what is done with rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from projections.linked import PendingTransfer, Search
from projections.lookups import Lookup
from projections.notices import PendingNotice
from projections.readings import Reading
from projections.touches import Question
from services.gateway.connections import Connections
from services.gateway.facts import FactsReader
from services.gateway.linked import find_linked
from services.gateway.lookups import look_up, read_unknown
from services.gateway.notices import NamesOf, NoticeWriter
from services.gateway.ports import InboundPublisher, Now, RuleNamesOf, RulesOf
from services.gateway.rounds import Pending, Rounds
from services.gateway.settings import LookupSettings
from services.gateway.touches import read_touches
from services.gateway.transfers import TransferWriter
from services.kommo.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLists:
    """What accounts ask for.

    Attributes:
        lookups: Leads to be read.
        unknown: Leads to be read that the accounts do not know.
        readings: What requests wait for.
        rules_of: The rules that want to know it.
        questions: Offered leads of which Kommo should tell what was done to them.
        searches: Decided leads, to find what belongs to them.
        transfers: What belongs to them, to be handed over.
        notices: What people are to be told of them.
        names_of: What accounts call their users.
        rule_names_of: What their rules are called.
    """

    lookups: Pending[Lookup]
    unknown: Pending[Lookup]
    readings: Pending[Reading]
    rules_of: RulesOf
    questions: Pending[Question]
    searches: Pending[Search]
    transfers: Pending[PendingTransfer]
    notices: Pending[PendingNotice]
    names_of: NamesOf
    rule_names_of: RuleNamesOf


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRounds:
    """The rounds over all of them: those that only read, and those that write."""

    readings: tuple[Rounds[Any], ...]
    transfers: Rounds[PendingTransfer]
    notices: Rounds[PendingNotice]

    def __iter__(self) -> Iterator[Rounds[Any]]:
        return iter((*self.readings, self.transfers, self.notices))

    async def let_go(self) -> None:
        """Return once no write is under way for accounts that are not ours any more."""
        await self.transfers.let_go()
        await self.notices.let_go()


def rounds_of(  # noqa: PLR0913 - what all of them need
    lists: WorkLists,
    *,
    connections: Connections,
    publisher: InboundPublisher,
    now: Now,
    timing: Timing,
    settings: LookupSettings,
    batch_size: int,
    sweep_soon: Callable[[int], None],
    is_strict: bool = False,
) -> AllRounds:
    """Put them together; nothing runs yet."""
    tell: dict[str, Any] = {"publisher": publisher, "now": now}
    common: dict[str, Any] = {
        "connections": connections,
        "settings": settings,
        "timing": timing,
        "is_strict": is_strict,
    }
    facts = FactsReader(rules_of=lists.rules_of, **tell)
    transfers = TransferWriter(batch_size=batch_size, **tell)
    notices = NoticeWriter(
        names_of=lists.names_of,
        rule_names_of=lists.rule_names_of,
        batch_size=batch_size,
        **tell,
    )
    return AllRounds(
        readings=(
            Rounds("lookups", lists.lookups, partial(look_up, **tell), **common),
            Rounds(
                "unknown",
                lists.unknown,
                partial(read_unknown, sweep_soon=sweep_soon, **tell),
                **common,
            ),
            Rounds("readings", lists.readings, facts.read, **common),
            Rounds("linked", lists.searches, partial(find_linked, **tell), **common),
            Rounds("touches", lists.questions, partial(read_touches, **tell), **common),
        ),
        transfers=Rounds("transfers", lists.transfers, transfers.hand_over, **common),
        notices=Rounds("notices", lists.notices, notices.write, **common),
    )
