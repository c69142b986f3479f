"""The one place where the account is changed, so that each change is written down and told."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.sandbox.announcer import Announcer
from services.sandbox.delivery import Deliveries
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.model import Account, Author, Change, LeadPatch, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A running account with everything that watches it."""

    account: Account
    knobs: Knobs
    journal: Journal
    deliveries: Deliveries
    announcer: Announcer

    def create(
        self, drafts: Iterable[Mapping[str, Any]], author: Author, *, silent: bool = False
    ) -> list[Change]:
        """Make leads; silent ones were there before anybody listened."""
        changes = self.account.create(drafts, author, int(time.time()))
        return changes if silent else self._told(changes)

    def change(self, patches: Iterable[LeadPatch], author: Author) -> list[Change]:
        """Set fields of leads that exist."""
        return self._told(self.account.change(patches, author, int(time.time())))

    def delete(self, lead_ids: Iterable[int], author: Author) -> list[Change]:
        """Bin leads."""
        return self._told(self.account.delete(lead_ids, author, int(time.time())))

    def restore(self, lead_ids: Iterable[int], author: Author) -> list[Change]:
        """Take leads out of the bin."""
        return self._told(self.account.restore(lead_ids, author, int(time.time())))

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
        self.announcer.announce(changes)
        return changes


def crm_of(account: Account, knobs: Knobs) -> Crm:
    """Wire an account; its deliveries still have to be run."""
    journal = Journal(knobs.journal_max)
    deliveries = Deliveries(knobs, journal)
    announcer = Announcer(account, knobs, journal, deliveries)
    return Crm(
        account=account,
        knobs=knobs,
        journal=journal,
        deliveries=deliveries,
        announcer=announcer,
    )
