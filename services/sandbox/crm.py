"""The one place where the account is changed, so that each change is written down and told."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.sandbox.announcer import Announcer
from services.sandbox.clock import SandboxClock
from services.sandbox.deeds import DeedKind, do
from services.sandbox.delivery import Deliveries, Post
from services.sandbox.desk import CardDesk
from services.sandbox.happenings import Happenings
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.model import Action, Author, CrmAccount, CrmChange, LeadPatch, Trigger
from services.sandbox.oauth import OAuth
from services.sandbox.sender import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A running account with everything that watches it.

    Attributes:
        oauth: The integrations, of all accounts of the same Kommo.
        neighbours: These accounts by id, this one among them.
    """

    account: CrmAccount
    knobs: Knobs
    journal: Journal
    deliveries: Deliveries
    announcer: Announcer
    clock: SandboxClock
    happenings: Happenings
    desk: CardDesk
    oauth: OAuth
    neighbours: dict[int, CrmAccount]

    def create(
        self,
        drafts: Iterable[Mapping[str, Any]],
        author: Author,
        *,
        silent: bool = False,
        told: Collection[Action] | None = None,
    ) -> list[CrmChange]:
        """Make leads; silent ones were there before anybody listened.

        Args:
            drafts: The leads, checked.
            author: Who makes them.
            silent: Nothing is written down or told.
            told: The actions of which account webhooks tell; None for what has happened.
        """
        changes = self.account.create(drafts, author, self.clock.second())
        return changes if silent else self._told(changes, told)

    def change(
        self,
        patches: Iterable[LeadPatch],
        author: Author,
        *,
        told: Collection[Action] | None = None,
    ) -> list[CrmChange]:
        """Set fields of leads that exist; `told` is as in `create`."""
        return self._told(self.account.change(patches, author, self.clock.second()), told)

    def delete(
        self, lead_ids: Iterable[int], author: Author, *, told: Collection[Action] | None = None
    ) -> list[CrmChange]:
        """Bin leads; `told` is as in `create`."""
        return self._told(self.account.delete(lead_ids, author, self.clock.second()), told)

    def restore(self, lead_ids: Iterable[int], author: Author) -> list[CrmChange]:
        """Take leads out of the bin."""
        return self._told(self.account.restore(lead_ids, author, self.clock.second()))

    def do(
        self, kind: DeedKind, lead_ids: Iterable[int], *, user_id: int, silent: bool = False
    ) -> int:
        """Write notes, call, send messages, make or complete tasks; silent ones have no hook."""
        return do(self.desk, kind, lead_ids, Author("human", user_id), silent=silent)

    def add_trigger(self, trigger: Trigger, *, fire_for_present: bool = False) -> None:
        """Put an action on a stage; on request it runs for the leads already there."""
        self.account.triggers[trigger.id] = trigger
        if fire_for_present:
            author = Author("human", self.account.admin_id())
            present = [
                CrmChange(lead=lead, actions=(), author=author, old_stage=lead.stage)
                for lead in self.account.leads.values()
                if lead.stage == trigger.stage and not lead.is_deleted
            ]
            self.announcer.fire(trigger, present)

    def _told(
        self, changes: list[CrmChange], told: Collection[Action] | None = None
    ) -> list[CrmChange]:
        self.journal.note_changes(changes)
        self.happenings.note_changes(changes)
        self.announcer.announce(changes, told)
        return changes


def crm_of(
    account: CrmAccount,
    knobs: Knobs,
    *,
    clock: SandboxClock | None = None,
    post: Post | None = None,
    beside: "Crm | None" = None,
) -> Crm:
    """Wire an account; its deliveries still have to be run.

    Args:
        account: The account.
        knobs: How to behave.
        clock: The machine's if not given.
        post: Carries hooks; HTTP if not given.
        beside: Another account of the same Kommo, which has the same integrations.
    """
    clock = clock or SandboxClock()
    neighbours = {} if beside is None else beside.neighbours
    neighbours[account.id] = account
    journal = Journal(knobs.journal_max, clock)
    deliveries = Deliveries(knobs, journal, clock, post or Sender())
    announcer = Announcer(account, knobs, journal, deliveries, clock)
    happenings = Happenings()
    return Crm(
        account=account,
        knobs=knobs,
        journal=journal,
        deliveries=deliveries,
        announcer=announcer,
        clock=clock,
        happenings=happenings,
        desk=CardDesk(account=account, announcer=announcer, happenings=happenings, clock=clock),
        oauth=OAuth() if beside is None else beside.oauth,
        neighbours=neighbours,
    )
