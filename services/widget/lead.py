"""The card of a lead: whose it is and why, *I take it*, *Pass on* (D7.6)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path

from contracts.sentences import Sentence, sentence
from services.application import offers
from services.application.commands import KEY, Answer, Once
from services.application.people.inviting import address_of
from services.application.refused import Refused
from services.application.rules import names_of_rules
from services.application.widget.card import LeadCard, assigned, card_of
from services.application.widget.standing import myself
from services.web.models import Input, Output
from services.web.problems import HttpProblem
from services.widget.resource import PREFIX
from services.widget.shapes import ActivityShape, MeShape, me_shape
from services.widget.visiting import Visiting, WidgetVisit

router = APIRouter(prefix=PREFIX)

LeadId = Annotated[int, Path(ge=1, lt=2**53)]
KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key")]


class WaitingShape(Output):
    """What a lead waits for, and when it is looked at again."""

    why: str
    next_look_at: datetime | None


class RefusedShape(Output):
    """Why something cannot be done now; null if it can."""

    take: str | None
    pass_on: str | None


class LeadShape(Output):
    """A lead, in one sentence."""

    sentence: str | None
    responsible_id: int | None
    manager_name: str | None
    decided_at: datetime | None
    waiting: WaitingShape | None
    may_take: bool
    may_pass_on: bool
    refused: RefusedShape


class CardAccount(Output):
    """The account, and in which zone its times are told."""

    id: int
    zone: str


class CardLinks(Output):
    """The lead's page in the console; null for whoever may not see it."""

    lead: str | None


class CardBootstrap(Output):
    """All that a card shows."""

    account: CardAccount
    me: MeShape
    activity: ActivityShape
    lead: LeadShape | None
    links: CardLinks


class PassOnInWidgetBody(Input):
    """Why, if they say so."""

    reason: str = ""


class TakeInWidgetBody(Input):
    """Nothing more needs to be said."""


class DoneShape(Output):
    """What came of it, in a sentence."""

    sentence: str


async def card_for(visit: WidgetVisit, lead_id: int) -> CardBootstrap:
    """Everything at once."""
    now, account = visit.premises.now(), visit.account
    place = (visit.installation, account, visit.principal)
    card = await card_of(*place, lead_id, now=now)
    rules = await names_of_rules(visit.installation, account)
    visit = replace(visit, words=visit.words.knowing(rule=rules.get))
    state = await visit.premises.present.account(account.account_id)
    activity = state.configuration.activity
    me = await myself(*place, state, role=visit.session.role, now=now)
    may_read = visit.principal.may("explain")
    page = f"{address_of(visit.installation)}/a/{account.account_id}/leads/{lead_id}"
    return CardBootstrap(
        account=CardAccount(id=account.account_id, zone=account.timezone),
        me=me_shape(me),
        activity=ActivityShape(**activity.model_dump()),
        lead=None if card is None else _lead(visit, card),
        links=CardLinks(lead=page if may_read else None),
    )


@router.post(
    "/leads/{lead_id}/take", operation_id="take_in_widget", summary="Take an offered lead for good"
)
async def take_in_widget(
    visit: Visiting, lead_id: LeadId, body: TakeInWidgetBody, idempotency_key: KeyHeader = None
) -> DoneShape:
    """Nothing passes it on any more."""
    del body
    answer = await offers.take(
        visit.installation,
        visit.account,
        visit.principal,
        lead_id,
        manager_id=_whose(visit),
        once=_once(idempotency_key),
    )
    return _done(visit, answer, sentence("widget.taken", lead=lead_id))


@router.post(
    "/leads/{lead_id}/pass-on",
    operation_id="pass_on_in_widget",
    summary="Give an offered lead up",
)
async def pass_on_in_widget(
    visit: Visiting, lead_id: LeadId, body: PassOnInWidgetBody, idempotency_key: KeyHeader = None
) -> DoneShape:
    """It goes to the next one at once."""
    answer = await offers.pass_on(
        visit.installation,
        visit.account,
        visit.principal,
        lead_id,
        manager_id=_whose(visit),
        reason=body.reason.strip() or visit.words.say(sentence("widget.passed_on_without_words")),
        once=_once(idempotency_key),
    )
    to = assigned(answer.events, lead_id)
    said = (
        sentence("widget.passed_on", lead=lead_id)
        if to is None
        else sentence("widget.passed_on_to", lead=lead_id, manager=to)
    )
    return _done(visit, answer, said)


def _lead(visit: WidgetVisit, card: LeadCard) -> LeadShape:
    words = visit.words
    names = {each["id"]: each["name"] for each in visit.account.directory.get("users", [])}
    refused = RefusedShape(
        take=None if card.take is None else words.say(card.take),
        pass_on=None if card.pass_on is None else words.say(card.pass_on),
    )
    waiting = (
        None
        if card.waits_for is None
        else WaitingShape(
            why=words.say(sentence(f"console.waits_for.{card.waits_for}")),
            next_look_at=card.next_look_at,
        )
    )
    return LeadShape(
        sentence=" ".join(words.lines(card.sentences[:2])) or None,
        responsible_id=card.responsible_id,
        manager_name=names.get(card.responsible_id),
        decided_at=card.decided_at,
        waiting=waiting,
        may_take=card.take is None,
        may_pass_on=card.pass_on is None,
        refused=refused,
    )


def _done(visit: WidgetVisit, answer: Answer, done: Sentence) -> DoneShape:
    is_done = answer.effect in {"done", "unchanged"}
    return DoneShape(sentence=visit.words.say(done if is_done else sentence("console.late")))


def _whose(visit: WidgetVisit) -> int | None:
    """Whose lead it has to be: their own, of who may do this about themselves alone."""
    return None if visit.principal.may("activity") else visit.principal.manager_id


def _once(key: str | None) -> Once:
    if key is None:
        raise HttpProblem("idempotency-key-missing")
    if KEY.fullmatch(key) is None:
        raise Refused("key_unusable", limit=255)
    return Once(key=key)
