"""Decides which hooks a bulk of changes causes: whom to tell, how often, and what gets lost."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from services.sandbox.bodies import FORM, account_body, notice_body, pipeline_body
from services.sandbox.clock import SandboxClock
from services.sandbox.delivery import Deliveries, OutgoingHook
from services.sandbox.journal import Journal
from services.sandbox.knobs import Knobs
from services.sandbox.model import Action, CrmAccount, CrmChange, Subscription, Trigger
from services.sandbox.notices import Notice, bodies_of

_DETAILS_FIRST = (Action.STATUS, Action.RESPONSIBLE, Action.UPDATE)
_UPDATE_FIRST = (Action.UPDATE, Action.STATUS, Action.RESPONSIBLE)
_ALONE = (Action.ADD, Action.DELETE, Action.RESTORE)


class Announcer:
    """Makes hooks of changes and hands them over for delivery."""

    def __init__(
        self,
        account: CrmAccount,
        knobs: Knobs,
        journal: Journal,
        deliveries: Deliveries,
        clock: SandboxClock,
    ) -> None:
        self._account = account
        self._knobs = knobs
        self._journal = journal
        self._deliveries = deliveries
        self._clock = clock
        self._number = 0

    def announce(
        self, changes: Sequence[CrmChange], told: Collection[Action] | None = None
    ) -> None:
        """Tell everyone who asked about changes that were made together.

        Args:
            changes: The changes.
            told: What account webhooks say has happened; None for what has. Triggers fire anyway.
        """
        heard = [change for change in changes if not self._is_dropped(change.lead.id)]
        self._journal.counts["changes_dropped"] += len(changes) - len(heard)
        said = heard if told is None else [replace(c, actions=tuple(told)) for c in heard]
        for subscription in self._account.subscriptions.values():
            if not subscription.disabled:
                self._tell_subscriber(subscription, said)
        for change in heard:
            self._fire_triggers(change)

    def notify(self, notices: Sequence[Notice]) -> None:
        """Tell everyone who asked about notes, tasks, contacts and the like."""
        heard = [n for n in notices if n.lead_id is None or not self._is_dropped(n.lead_id)]
        for subscription in self._account.subscriptions.values():
            asked = [n for n in heard if not n.settings.isdisjoint(subscription.settings)]
            if asked and not subscription.disabled:
                for part in bodies_of(asked, most=self._knobs.leads_per_body):
                    body = notice_body(self._account, self._knobs, part)
                    # The journal names the leads of whose state a hook tells: of none here.
                    self._send(subscription, body, FORM, ())

    def is_asked(self, kind: str) -> bool:
        """Whether anybody wants to hear of this kind of thing at all."""
        return any(
            event.endswith(f"_{kind}")
            for subscription in self._account.subscriptions.values()
            for event in subscription.settings
        )

    def fire(self, trigger: Trigger, changes: Sequence[CrmChange]) -> None:
        """Fire a trigger for leads that are in its stage already."""
        for change in changes:
            if not self._is_dropped(change.lead.id):
                self._send_pipeline_hook(trigger, change)

    def _is_dropped(self, lead_id: int) -> bool:
        fraction = self._knobs.drop_fraction
        return fraction > 0 and self._knobs.draw("drop", lead_id) < fraction

    def _tell_subscriber(self, subscription: Subscription, changes: Sequence[CrmChange]) -> None:
        for groups in self._bodies(subscription, changes):
            body = account_body(self._account, self._knobs, groups)
            lead_ids = tuple(dict.fromkeys(c.lead.id for _, group in groups for c in group))
            self._send(subscription, body, FORM, lead_ids)

    def _bodies(
        self, subscription: Subscription, changes: Sequence[CrmChange]
    ) -> Iterator[list[tuple[Action, list[CrmChange]]]]:
        """Cut changes into bodies, each a list of groups of one action."""
        wanted = [
            action
            for action in (
                *_ALONE,
                *(_UPDATE_FIRST if self._knobs.update_first else _DETAILS_FIRST),
            )
            if f"{action}_lead" in subscription.settings
        ]
        size = self._knobs.leads_per_body
        if self._knobs.one_body:
            for start in range(0, len(changes), size):
                part = changes[start : start + size]
                groups = [(action, _with(action, part)) for action in wanted]
                if found := [group for group in groups if group[1]]:
                    yield found
            return
        for action in wanted:
            part = _with(action, changes)
            for start in range(0, len(part), size):
                yield [(action, list(part[start : start + size]))]

    def _fire_triggers(self, change: CrmChange) -> None:
        if not change.enters_stage:
            return
        for trigger in self._account.triggers.values():
            if trigger.stage == change.lead.stage:
                self._send_pipeline_hook(trigger, change)

    def _send_pipeline_hook(self, trigger: Trigger, change: CrmChange) -> None:
        now = self._clock.second()
        body, content_type = pipeline_body(self._account, self._knobs, trigger, change, now)
        self._send(trigger, body, content_type, (change.lead.id,))

    def _send(
        self,
        target: Subscription | Trigger,
        body: bytes,
        content_type: bytes,
        lead_ids: tuple[int, ...],
    ) -> None:
        self._number += 1
        knobs, event = self._knobs, self._number
        copies = 0
        if knobs.duplicate_fraction and knobs.draw("duplicate", event) < knobs.duplicate_fraction:
            copies = knobs.duplicate_copies
            self._journal.counts["hooks_duplicated"] += 1
        for copy in range(1 + copies):
            if copy:
                self._number += 1
            self._journal.counts["hooks_made"] += 1
            hook = OutgoingHook(
                number=self._number,
                target=target,
                body=body,
                content_type=content_type,
                lead_ids=lead_ids,
            )
            self._deliveries.put(hook, delay_s=knobs.delay_s(event, copy))


def _with(action: Action, changes: Sequence[CrmChange]) -> list[CrmChange]:
    return [change for change in changes if action in change.actions]
