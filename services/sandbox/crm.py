"""The one place where the account is changed, so that each change is written down and told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.sandbox.announcer import Announcer
from services.sandbox.clock import Clock
from services.sandbox.deeds import DeedKind, do
from services.sandbox.delivery import Deliveries, Post
from services.sandbox.happenings import Happenings
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.model import Account, Author, Change, LeadPatch, Trigger
from services.sandbox.sender import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A running account with everything that watches it."""

    account: Account
    knobs: Knobs
    journal: Journal
    deliveries: Deliveries
    announcer: Announcer
    clock: Clock
    happenings: Happenings = field(default_factory=Happenings)

    def create(
        self, drafts: Iterable[Mapping[str, Any]], author: Author, *, silent: bool = False
    ) -> list[Change]:
        """Make leads; silent ones were there before anybody listened."""
        changes = self.account.create(drafts, author, self.clock.second())
        return changes if silent else self._told(changes)

    def change(self, patches: Iterable[LeadPatch], author: Author) -> list[Change]:
        """Set fields of leads that exist."""
        return self._told(self.account.change(patches, author, self.clock.second()))

    def delete(self, lead_ids: Iterable[int], author: Author) -> list[Change]:
        """Bin leads."""
        return self._told(self.account.delete(lead_ids, author, self.clock.second()))

    def restore(self, lead_ids: Iterable[int], author: Author) -> list[Change]:
        """Take leads out of the bin."""
        return self._told(self.account.restore(lead_ids, author, self.clock.second()))

    def do(
        self, kind: DeedKind, lead_ids: Iterable[int], *, user_id: int, silent: bool = False
    ) -> int:
        """Write notes, call, send messages, make or complete tasks; silent ones have no hook."""
        now = self.clock.second()
        deeds = do(self.account, self.happenings, kind, lead_ids, user_id=user_id, now=now)
        if not silent:
            self.announcer.announce_deeds(deeds)
        return len(deeds)

    def add_trigger(self, trigger: Trigger, *, fire_for_present: bool = False) -> None:
        """Put an action on a stage; on request it runs for the leads already there."""
        self.account.triggers[trigger.id] = trigger
        if fire_for_present:
            author = Author("human", self.account.admin_id())
            present = [
                Change(lead=lead, actions=(), author=author, old_stage=lead.stage)
                for lead in self.account.leads.values()
                if lead.stage == trigger.stage and not lead.is_deleted
            ]
            self.announcer.fire(trigger, present)

    def _told(self, changes: list[Change]) -> list[Change]:
        self.journal.note_changes(changes)
        self.happenings.note_changes(changes)
        self.announcer.announce(changes)
        return changes


def crm_of(
    account: Account, knobs: Knobs, *, clock: Clock | None = None, post: Post | None = None
) -> Crm:
    """Wire an account; its deliveries still have to be run.

    Args:
        account: The account.
        knobs: How to behave.
        clock: The machine's if not given.
        post: Carries hooks; HTTP if not given.
    """
    clock = clock or Clock()
    journal = Journal(knobs.journal_max, clock)
    deliveries = Deliveries(knobs, journal, clock, post or Sender())
    announcer = Announcer(account, knobs, journal, deliveries, clock)
    return Crm(
        account=account,
        knobs=knobs,
        journal=journal,
        deliveries=deliveries,
        announcer=announcer,
        clock=clock,
    )
