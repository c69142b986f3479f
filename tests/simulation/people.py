"""What people do meanwhile: in Kommo with leads and users, at our command line with orders."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from contracts.events import LEAD
from contracts.inbound import (
    ApplyRules,
    Inbound,
    InboundBody,
    PauseManager,
    PostCorrection,
    ResumeManager,
)
from contracts.stage import CLOSED_STATUSES, LOST, WON
from services.codec import encode_inbound
from services.errors import Unavailable
from services.history.record import Entry
from services.log.port import Entry as Message
from services.sandbox.crm import Crm
from services.sandbox.model import Action, Author, Change, Lead, LeadPatch
from tests.simulation.accounts import PRICE_MAX, Setting, draw_rules, open_stages
from tests.simulation.faults import Faults
from tests.simulation.loop import Process
from tests.simulation.trace import Trace
from tests.simulation.twins import LogWriterTwin


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
    orders: int = 0
    entries: list[tuple[float, Entry]] = field(default_factory=list)

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
        )
        way = self.random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]
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
        }
        made = self.crm.create([draft] * count, self._author(), silent=silent)
        self._entered(made)

    def _contact_ids(self) -> tuple[int, ...]:
        """Whoever asks, perhaps not for the first time."""
        known = sorted(self.crm.account.contacts.by_id)
        return (self.random.choice(known),) if known and self.random.random() < 0.6 else ()

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

    def user(self) -> None:
        """Somebody leaves, or comes back."""
        users = self.crm.account.users
        user = users[self.random.choice(sorted(users))]
        if not user.is_admin:
            self.faults.note("user.deactivated")
            user.is_active = not user.is_active

    def _change(self, lead: Lead, **fields: Any) -> None:
        self._entered(self.crm.change([LeadPatch(lead.id, fields)], self._author()))

    def _entered(self, changes: list[Change]) -> None:
        """Keep count of the leads that came into a stage."""
        at = self.process.loop.time()
        for change in changes:
            lead = change.lead
            is_back = not lead.is_deleted and Action.RESTORE in change.actions
            if (change.enters_stage or is_back) and lead.status_id not in CLOSED_STATUSES:
                self.entries.append((at, Entry(lead_id=lead.id, stage=lead.stage)))

    def _lead(self) -> Lead | None:
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

    def order(self, body: InboundBody) -> None:
        """Send a command; the command line repeats it until it is taken."""
        self.orders += 1
        message = Inbound(
            account_id=self.crm.account.id,
            message_id=f"order/{self.orders}",
            at=self.now(),
            body=body,
        )
        self.process.spawn(self._publish(Message(message.account_id, encode_inbound(message))))

    async def _publish(self, entry: Message) -> None:
        while True:
            try:
                await self.writer.publish([entry])
            except Unavailable:
                await asyncio.sleep(5.0)
            else:
                return
