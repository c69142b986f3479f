"""The form of a trigger, which is a rule (D1.4)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from contracts.stage import Stage
from services.application.rules import stages_of
from services.application.widget.forms import FormRemark
from services.application.widget.standing import colleagues, myself
from services.application.widget.triggers import (
    FormRefused,
    keep_form,
    open_trigger,
    report_open,
)
from services.web.models import Input, Output
from services.web.problems import FieldError, HttpProblem
from services.widget.resource import PREFIX
from services.widget.settings import ScheduleShape, schedules_of
from services.widget.shapes import ManagerShape, MeShape, manager_shape, me_shape
from services.widget.visiting import Visiting, WidgetVisit
from services.words.catalogue import Words

router = APIRouter(prefix=PREFIX)

Id = Annotated[int, Field(ge=1, lt=2**53)]
RuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class StageInForm(Input):
    """A stage by its ids."""

    pipeline: Id
    stage: Id


class ParticipantInForm(Input):
    """A manager's part."""

    manager: Id
    schedule: str | None = None
    coefficient: str | None = None
    priority: int | None = None
    limit: int | None = None


class LimitInForm(Input):
    """The most open leads, and where they count."""

    max: int
    stages: list[StageInForm] | None = None


class LinkedInForm(Input):
    """What follows a lead."""

    lead: bool = True
    contacts: bool = False
    company: bool = False
    tasks: bool = False
    company_leads: bool = False
    contact_leads: bool = False
    only_for: list[Id] = Field(default_factory=list, max_length=1_000)


class OwnersInForm(Input):
    """Whose lead it is already."""

    sources: list[str] = Field(max_length=4)
    others: str | None = None


class RedistributionInForm(Input):
    """When a lead is passed on."""

    after_minutes: int
    nothing_changed: str | None = None


class DutyInForm(Input):
    """Who takes what nobody can."""

    manager: Id


class FormBody(Input):
    """A trigger as somebody fills it in; what a word may be, the linter says."""

    name: str = Field(default="", max_length=200)
    participants: list[ParticipantInForm] = Field(default_factory=list, max_length=1_000)
    everyone: bool = False
    schedule: str | None = None
    distribute_by_coefficient: bool = True
    limit: LimitInForm | None = None
    linked: LinkedInForm | None = None
    owners: OwnersInForm | None = None
    redistribution: RedistributionInForm | None = None
    duty: DutyInForm | None = None
    off_hours: str | None = None
    has_conditions_of_its_own: bool = False


class RuleBody(Input):
    """What a trigger is to carry, and where it stands."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rule: RuleName | None = None
    rev: int | None = None
    separate: bool = False
    pipeline: Id
    stage: Id
    form: FormBody


class WarningShape(Output):
    """Something to look at."""

    pointer: str
    detail: str


class RuleAnswer(Output):
    """What the trigger's inputs get."""

    rule: str
    rev: int
    key: str
    warnings: list[WarningShape]


class OtherShape(Output):
    """Another rule of the stage."""

    id: str
    name: str
    from_: Literal["widget", "file"] = Field(serialization_alias="from")


class HereShape(Output):
    """How the trigger stands among the rules of its stage."""

    place: int
    of: int
    after: list[str]
    others: list[OtherShape]
    is_copy_of: str | None
    both_unconditional: bool


class TriggerBootstrap(Output):
    """All that the form shows."""

    me: MeShape
    schedules: list[ScheduleShape]
    managers: list[ManagerShape]
    ledgers: list[str]
    form: dict[str, Any]
    here: HereShape
    rule: str | None
    rev: int | None
    key: str | None


@router.post("/rules", operation_id="keep_trigger", summary="What a trigger is to carry")
async def keep_trigger(visit: Visiting, body: RuleBody) -> RuleAnswer:
    """Another revision of its rule; nothing is in force until a trigger carries it."""
    state = await visit.premises.present.account(visit.account.account_id)
    try:
        kept = await keep_form(
            visit.installation,
            visit.account,
            visit.principal,
            state,
            rule_id=body.rule,
            stage=Stage(body.pipeline, body.stage),
            form=body.form.model_dump(mode="json", exclude_none=True),
            is_separate=body.separate,
            now=visit.premises.now(),
        )
    except FormRefused as refused:
        errors = [
            FieldError(pointer=each.pointer, code="unusable", detail=_detail(visit.words, each))
            for each in refused.problems
        ]
        raise HttpProblem("unprocessable", errors=errors) from refused
    return RuleAnswer(
        rule=kept.rule_id,
        rev=kept.revision,
        key=kept.key.get_secret_value(),
        warnings=[
            WarningShape(pointer=each.pointer, detail=_detail(visit.words, each))
            for each in kept.warnings
        ],
    )


async def trigger_for(
    visit: WidgetVisit, stage: Stage, rule_id: str | None, revision: int | None
) -> TriggerBootstrap:
    """Everything at once, after what the trigger holds has come into force."""
    now, account = visit.premises.now(), visit.account
    place = (visit.installation, account, visit.principal)
    if rule_id is not None and revision is not None:
        await report_open(*place, rule_id=rule_id, revision=revision, stage=stage)
    state = await visit.premises.present.account(account.account_id)
    rules = state.rules_data or {}
    found = await open_trigger(
        visit.installation, account, state, rule_id=rule_id, revision=revision, stage=stage
    )
    state = await visit.premises.present.account(account.account_id)
    me = await myself(*place, state, role=visit.session.role, now=now)
    names = stages_of(account) or {}
    copy = found.copy_of
    is_held = rule_id is not None and visit.principal.may("rules")
    return TriggerBootstrap(
        me=me_shape(me),
        schedules=schedules_of(rules),
        managers=[manager_shape(each) for each in await colleagues(*place, now=now)],
        ledgers=list(found.ledgers),
        form=found.form,
        here=HereShape(
            place=found.place,
            of=found.of,
            after=list(found.after),
            others=[
                OtherShape(
                    id=each.rule_id,
                    name=each.name or each.rule_id,
                    from_="widget" if each.is_of_trigger else "file",
                )
                for each in found.others
            ],
            is_copy_of=None if copy is None else names.get(copy, str(copy.status_id)),
            both_unconditional=found.is_second,
        ),
        rule=found.rule_id,
        rev=found.revision,
        key=found.key.get_secret_value() if is_held else None,
    )


def _detail(words: Words, remark: FormRemark) -> str:
    said = [remark.found] if remark.advice is None else [remark.found, remark.advice]
    return " ".join(words.lines(said))
