"""What people do meanwhile: in Kommo with leads and users, at our command line with orders."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts.events import LEAD, LinkedChanged, Recorded
from contracts.inbound import (
    ApplyRules,
    Inbound,
    InboundBody,
    PassLeadOn,
    PauseManager,
    PostCorrection,
    ResumeManager,
    TakeLead,
    UndoTransfers,
)
from contracts.stage import CLOSED_STATUSES, LOST, WON
from services.application.undo import plan_of
from services.history.record import StageEntry
from services.log.port import Entry as Message
from services.sandbox.cards import CardKind, CardPatch
from services.sandbox.crm import Crm
from services.sandbox.model import Action, Author, CrmChange, CrmLead, LeadPatch
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from tests.simulation.accounts import PRICE_MAX, Setting, draw_rules, open_stages
from tests.simulation.faults import Faults
from tests.simulation.loop import Process
from tests.simulation.trace import Trace
from tests.simulation.twins import LogWriterTwin

REPEATED_WITHIN_S = (1.0, 60.0, 3_600.0, 3 * 86_400.0)


@dataclass
class People:
    """Everybody who works with one account."""

    crm: Crm
    setting: Setting
    random: Random
    faults: Faults
    trace: Trace
    process: Process
    writer: LogWriterTwin
    now: Callable[[], datetime]
    repeats: Random
    side: Random
    events: Callable[[], Sequence[Recorded]]
    orders: int = 0
    changed: dict[tuple[str, int], None] = field(default_factory=dict)
    entries: list[tuple[float, StageEntry]] = field(default_factory=list)

    def act(self) -> None:
        """Do one thing or the other."""
        ways = (
            (8, self.new_lead),
            (6, self.move),
            (4, self.take),
            (3, self.close),
            (1, self.delete),
            (1, self.restore),
            (2, self.edit),
            (2, self.several),
            (1, self.bulk),
            (2, self.user),
            (2, self.rules),
            (2, self.pause),
            (1, self.correct),
            (1, self.choose),
        )
        way = self.random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]
        self.trace.note("person", self.crm.account.id, way.__name__)
        way()
        for _ in range(self.side.randint(0, 2)):
            self.work_on_cards()

    def work_on_cards(self) -> None:
        """Do something with what belongs to leads."""
        way = self.side.choice(
            (
                self.make_task,
                self.make_task,
                self.finish_task,
                self.change_task,
                self.give_card,
                self.link,
                self.undo,
            )
        )
        self.trace.note("person", self.crm.account.id, way.__name__)
        way()

    # In Kommo.

    def new_lead(self, count: int = 1, *, silent: bool = False) -> None:
        """Somebody asks for something."""
        account = self.crm.account
        stage = self.random.choice(open_stages(account))
        owner = self.random.choice(sorted(account.users))
        draft = {
            "pipeline_id": stage.pipeline_id,
            "status_id": stage.status_id,
            "responsible_user_id": owner,
            "price": self.random.randrange(PRICE_MAX),
            "contact_ids": self._contact_ids(),
            "company_id": self._company_id(),
        }
        made = self.crm.create([draft] * count, self._author(), silent=silent)
        self._entered(made)

    def _contact_ids(self) -> tuple[int, ...]:
        """Whoever asks, perhaps not for the first time."""
        known = sorted(self.crm.account.contacts.by_id)
        return (self.random.choice(known),) if known and self.random.random() < 0.6 else ()

    def _company_id(self) -> int | None:
        known = sorted(self.crm.account.companies.by_id)
        return self.side.choice(known) if known and self.side.random() < 0.5 else None

    def make_task(self) -> None:
        """Somebody has to do something, of a lead or of nothing."""
        now, leads = self.crm.clock.second(), sorted(self.crm.account.leads)
        draft = {
            "responsible_user_id": self.side.choice(sorted(self.crm.account.users)),
            "entity_id": self.side.choice(leads) if leads else None,
            "entity_type": "leads" if leads else None,
            "complete_till": now + self.side.choice((60, 3_600, 86_400)),
        }
        self.faults.note("person.task")
        self.crm.desk.add_tasks([draft], self._colleague())

    def finish_task(self) -> None:
        """Somebody has done it, or it is deleted."""
        self._change_task({self.side.choice(("is_completed", "is_deleted")): True})

    def change_task(self) -> None:
        """It is somebody else's now, or has more time."""
        owner_id = self.side.choice(sorted(self.crm.account.users))
        till = self.crm.clock.second() + self.side.choice((60, 86_400))
        self._change_task(
            self.side.choice(({"responsible_user_id": owner_id}, {"complete_till": till}))
        )

    def _change_task(self, fields: dict[str, Any]) -> None:
        tasks = self.crm.account.tasks.by_id.values()
        there = [task.id for task in tasks if not task.is_completed and not task.is_deleted]
        if there:
            task_id = self.side.choice(there)
            self.changed["task", task_id] = None
            self.crm.desk.change_tasks([CardPatch(task_id, fields)], self._colleague())

    def give_card(self) -> None:
        """A contact or a company is somebody else's now."""
        kind: CardKind = self.side.choice(("contacts", "companies"))
        known = sorted(self.crm.account.box(kind).by_id)
        if known:
            card_id = self.side.choice(known)
            owner_id = self.side.choice(sorted(self.crm.account.users))
            self.faults.note("person.card")
            self.changed["contact" if kind == "contacts" else "company", card_id] = None
            patch = CardPatch(card_id, {"responsible_user_id": owner_id})
            self.crm.desk.change_cards(kind, [patch], self._colleague())

    def link(self) -> None:
        """A lead is another contact's and another company's."""
        leads = [lead for lead in self.crm.account.leads.values() if not lead.is_deleted]
        contacts = sorted(self.crm.account.contacts.by_id)
        if leads and contacts:
            lead = self.side.choice(leads)
            fields = {
                "contact_ids": (self.side.choice(contacts),),
                "company_id": self._company_id(),
            }
            self.crm.change([LeadPatch(lead.id, fields)], self._colleague())

    def undo(self) -> None:
        """An administrator puts back what a decision changed (D6.4)."""
        events = [recorded.event for recorded in self.events()]
        followed = [event for event in events if isinstance(event, LinkedChanged)]
        if not followed:
            return
        chosen = self.side.choice(followed)
        of_lead = [each for each in events if getattr(each, "lead_id", None) == chosen.lead_id]
        plan = plan_of(of_lead, chosen.request_id, chosen.lead_id)
        if plan.transfers:
            self.faults.note("person.undoes")
            self.order(
                UndoTransfers(
                    request_id=plan.request_id,
                    lead_id=plan.lead_id,
                    handovers=plan.transfers,
                    by="a",
                )
            )

    def _colleague(self) -> Author:
        return Author("human", self.side.choice(sorted(self.crm.account.users)))

    def move(self) -> None:
        """A lead goes to another stage."""
        if (lead := self._lead()) is not None:
            stage = self.random.choice(open_stages(self.crm.account))
            self.faults.note("person.stage")
            self._change(lead, pipeline_id=stage.pipeline_id, status_id=stage.status_id)

    def take(self) -> None:
        """Somebody takes a lead, or gives it away."""
        if (lead := self._lead()) is not None:
            self.faults.note("person.responsible")
            self._change(lead, responsible_user_id=self._active_user())

    def close(self) -> None:
        """A lead is won or lost."""
        if (lead := self._lead()) is not None:
            self.faults.note("person.closes")
            self._change(lead, status_id=self.random.choice((WON, LOST)))

    def delete(self) -> None:
        """A lead goes to the bin."""
        if (lead := self._lead()) is not None:
            self.faults.note("person.deletes")
            self.crm.delete([lead.id], self._author())

    def restore(self) -> None:
        """A lead comes out of the bin."""
        binned = [lead.id for lead in self.crm.account.leads.values() if lead.is_deleted]
        if binned:
            self.faults.note("person.restores")
            self._entered(self.crm.restore([self.random.choice(binned)], self._author()))

    def edit(self) -> None:
        """Something about a lead changes that is none of our business."""
        if (lead := self._lead()) is not None:
            self._change(lead, price=lead.price + 1)

    def several(self) -> None:
        """A lead changes several times within a second."""
        lead = self._lead()
        if lead is None:
            return
        self.faults.note("same_second")
        for _ in range(self.random.randint(2, 4)):
            stage = self.random.choice(open_stages(self.crm.account))
            fields = self.random.choice(
                (
                    {"pipeline_id": stage.pipeline_id, "status_id": stage.status_id},
                    {"responsible_user_id": self._active_user()},
                )
            )
            self._change(lead, **fields)

    def bulk(self) -> None:
        """Many leads change together."""
        self.faults.note("bulk")
        count = self.random.randint(5, 25)
        if self.random.random() < 0.5:
            self.new_lead(count)
            return
        stage = self.random.choice(open_stages(self.crm.account))
        fields = {"pipeline_id": stage.pipeline_id, "status_id": stage.status_id}
        there = [lead.id for lead in self.crm.account.leads.values() if not lead.is_deleted]
        patches = [LeadPatch(each, fields) for each in there[-count:]]
        self._entered(self.crm.change(patches, self._author()))

    def flood(self) -> None:
        """So many leads at once that they wait for Kommo in more than a few requests."""
        self.faults.note("backlog")
        self.new_lead(self.random.randint(120, 350))

    def user(self) -> None:
        """Somebody leaves, or comes back."""
        users = self.crm.account.users
        user = users[self.random.choice(sorted(users))]
        if not user.is_admin:
            self.faults.note("user.deactivated")
            user.is_active = not user.is_active

    def _change(self, lead: CrmLead, **fields: Any) -> None:
        self._entered(self.crm.change([LeadPatch(lead.id, fields)], self._author()))

    def _entered(self, changes: list[CrmChange]) -> None:
        """Keep count of the leads that came into a stage."""
        at = self.process.loop.time()
        for change in changes:
            lead = change.lead
            is_back = not lead.is_deleted and Action.RESTORE in change.actions
            if (change.enters_stage or is_back) and lead.status_id not in CLOSED_STATUSES:
                self.entries.append((at, StageEntry(lead_id=lead.id, stage=lead.stage)))

    def _lead(self) -> CrmLead | None:
        """Rather a young one: there something is going on."""
        there = [lead for lead in self.crm.account.leads.values() if not lead.is_deleted]
        return there[-1 - int(len(there) * self.random.random() ** 2)] if there else None

    def _author(self) -> Author:
        return Author("human", self.random.choice(sorted(self.crm.account.users)))

    def _active_user(self) -> int:
        users = self.crm.account.users
        return self.random.choice([each for each in sorted(users) if users[each].is_active])

    # At our command line.

    def rules(self) -> None:
        """New rules."""
        self.faults.note("rules.edited")
        self.order(
            ApplyRules(rules=draw_rules(self.random, self.crm.account, self.setting), by="a")
        )

    def pause(self) -> None:
        """A pause, or the end of one."""
        self.faults.note("pause")
        manager_id = self.random.choice(sorted(self.crm.account.users))
        is_administrator = self.random.random() < 0.5
        if self.random.random() < 0.4:
            self.order(
                ResumeManager(manager_id=manager_id, by="a", by_administrator=is_administrator)
            )
            return
        until = None
        if self.random.random() < 0.7:
            until = self.now() + timedelta(seconds=self.random.uniform(1, 7_200))
        self.order(
            PauseManager(
                manager_id=manager_id, by="a", by_administrator=is_administrator, until=until
            )
        )

    def correct(self) -> None:
        """A correction of the ledger."""
        manager_id = self.random.choice(sorted(self.crm.account.users))
        units = self.random.choice((-LEAD, LEAD // 3, 2 * LEAD))
        self.order(PostCorrection(manager_id=manager_id, credit_units=units, by="a", reason=""))

    def choose(self) -> None:
        """A manager takes a lead that was offered to somebody, or passes it on (D7.6)."""
        if (lead := self._lead()) is None:
            return
        manager_id = self._active_user() if self.random.random() < 0.3 else None
        if self.random.random() < 0.5:
            self.faults.note("person.takes")
            self.order(TakeLead(lead_id=lead.id, by="a", manager_id=manager_id))
        else:
            self.faults.note("person.passes_on")
            self.order(PassLeadOn(lead_id=lead.id, by="a", reason="", manager_id=manager_id))

    def order(self, body: InboundBody) -> None:
        """Send a command; the command line repeats it until it is taken, and people after that."""
        self.orders += 1
        message = Inbound(
            account_id=self.crm.account.id,
            message_id=f"order/{self.orders}",
            at=self.now(),
            body=body,
            is_once=True,
        )
        entry = Message(message.account_id, encode_inbound(message))
        self.process.spawn(self._publish(entry))
        if self.repeats.random() < 0.4:
            for _ in range(self.repeats.randint(1, 3)):
                self.process.spawn(self._repeat(entry, self.repeats.choice(REPEATED_WITHIN_S)))

    async def _repeat(self, entry: Message, within_s: float) -> None:
        """Whoever did not hear what became of it sends the same again, under the same key."""
        await asyncio.sleep(self.repeats.uniform(0, within_s))
        self.faults.note("command.repeated")
        await self._publish(entry)

    async def _publish(self, entry: Message) -> None:
        while True:
            try:
                await self.writer.publish([entry])
            except Unavailable:
                await asyncio.sleep(5.0)
            else:
                return
