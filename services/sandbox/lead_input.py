"""What the API refuses in PATCH and POST of leads.

One bad element refuses the whole bulk and nothing is applied, as in the documented examples.
Not documented: what an unknown lead id is answered with; here it is `NotSupportedChoice` at `id`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from contracts.stage import LOST, Stage
from services.sandbox.answers import invalid
from services.sandbox.checking import (
    Fault,
    Fields,
    by_id,
    is_integer,
    is_integer_or_null,
    is_refused_pair,
    is_text,
    missing,
    no_choice,
    refused,
    request_ids,
    typed,
    wrong_type,
    wrong_users,
)
from services.sandbox.custom_values import with_custom_fields
from services.sandbox.knobs import Knobs
from services.sandbox.model import INCOMING, CrmAccount, CrmLead, LeadPatch
from services.sandbox.tags import with_tags

_TYPES: Final = {
    "name": is_text,
    "price": is_integer,
    "status_id": is_integer,
    "pipeline_id": is_integer,
    "responsible_user_id": is_integer,
    "created_by": is_integer,
    "updated_by": is_integer,
    "created_at": is_integer,
    "updated_at": is_integer,
    "closed_at": is_integer_or_null,
    "loss_reason_id": is_integer_or_null,
}
_UNFIT_REASON: Final = "Loss reason can be specified only for lost lead"
_USERS: Final = ("responsible_user_id", "created_by", "updated_by")


def patches_of(
    account: CrmAccount, knobs: Knobs, elements: Sequence[Mapping[str, Any]]
) -> list[LeadPatch]:
    """Check the elements of a PATCH.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    patches: list[LeadPatch] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        lead, found = _lead_of(account, knobs, element)
        if lead is not None:
            fields, wrong = lead_fields(account, knobs, element, lead)
            found.extend(wrong)
            patches.append(LeadPatch(lead.id, fields))
        if found:
            errors.setdefault(name, []).extend(found)
    if errors:
        raise refused(knobs, elements, errors)
    unfit = [patch for patch in patches if _is_reason_unfit(patch, account.leads[patch.lead_id])]
    if unfit:
        raise by_id({str(patch.lead_id): _UNFIT_REASON for patch in unfit})
    return patches


def drafts_of(
    account: CrmAccount, knobs: Knobs, elements: Sequence[Mapping[str, Any]], default_user_id: int
) -> list[Fields]:
    """Check the elements of a POST.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    main = next(pipeline for pipeline in account.pipelines.values() if pipeline.is_main)
    drafts: list[Fields] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        fields, wrong = lead_fields(account, knobs, element, None)
        fields.setdefault("responsible_user_id", default_user_id)
        fields.setdefault("pipeline_id", main.id)
        if not wrong:
            pipeline = account.pipelines[fields["pipeline_id"]]
            fields.setdefault("status_id", pipeline.first_status_id())
        drafts.append(fields)
        if wrong:
            errors.setdefault(name, []).extend(wrong)
    if errors:
        raise invalid(errors)
    return drafts


def _lead_of(
    account: CrmAccount, knobs: Knobs, element: Mapping[str, Any]
) -> tuple[CrmLead | None, list[Fault]]:
    if "id" not in element:
        return None, [missing("id")]
    lead_id = element["id"]
    if not is_integer(lead_id):
        return None, [wrong_type("id", "int")]
    lead = account.leads.get(lead_id)
    if lead is None or lead.is_deleted or lead_id in knobs.refuse_lead_ids:
        return None, [no_choice("id")]
    if knobs.refuse_incoming and _is_incoming(account, lead.stage):
        return None, [no_choice("status_id")]
    return lead, []


def lead_fields(
    account: CrmAccount, knobs: Knobs, element: Mapping[str, Any], lead: CrmLead | None
) -> tuple[Fields, list[Fault]]:
    """Take over what may be written; anything else is ignored."""
    fields, errors = typed(element, _TYPES)
    if errors:
        return fields, errors
    errors += wrong_users(account, knobs, fields, _USERS)
    if lead is not None and _is_user_refused(account, knobs, lead, fields):
        errors.append(no_choice("responsible_user_id"))
    errors.extend(_set_stage(account, fields, lead))
    errors.extend(_wrong_loss_reason(account, fields, lead))
    if "custom_fields_values" in element:
        fields["custom_fields_values"], wrong = with_custom_fields(
            account.fields["leads"],
            element["custom_fields_values"],
            lead.custom_fields_values if lead else None,
        )
        errors += wrong
    tags, wrong = with_tags(account.tags["leads"], element, lead.tags if lead else ())
    if lead is None:
        links, found = _links(account, element)
        fields |= links
        errors += found
    return fields | tags, errors + wrong


def _is_user_refused(account: CrmAccount, knobs: Knobs, lead: CrmLead, fields: Fields) -> bool:
    user_id: int | None = fields.get("responsible_user_id")
    if user_id is not None and lead.id in knobs.refuse_first_user_lead_ids:
        return account.first_asked.setdefault(lead.id, user_id) == user_id
    return is_refused_pair(knobs, lead.id, user_id)


def _links(account: CrmAccount, element: Mapping[str, Any]) -> tuple[Fields, list[Fault]]:
    """Read what a new lead is linked to: contacts, the main one first, and one company."""
    embedded = element.get("_embedded")
    given = embedded if isinstance(embedded, dict) else {}
    faults: list[Fault] = []
    found: dict[str, list[int]] = {}
    for kind in ("contacts", "companies"):
        cards = given.get(kind) or ()
        for place, card in enumerate(cards if isinstance(cards, list) else ()):
            card_id = card.get("id") if isinstance(card, dict) else None
            if not isinstance(card_id, int) or not account.has_entity(kind, card_id):
                faults.append(no_choice(f"_embedded.{kind}.{place}.id"))
                continue
            is_main = kind == "contacts" and card.get("is_main") is True
            found.setdefault(kind, []).insert(0 if is_main else place, card_id)
    links: Fields = {}
    if "contacts" in found:
        links["contact_ids"] = tuple(dict.fromkeys(found["contacts"]))
    if "companies" in found:
        links["company_id"] = found["companies"][0]
    return links, faults


def _set_stage(account: CrmAccount, fields: Fields, lead: CrmLead | None) -> Iterator[Fault]:
    """Complete a stage of which only the pipeline is given; refuse an unknown one."""
    if "pipeline_id" not in fields and "status_id" not in fields:
        return
    main = next(pipeline for pipeline in account.pipelines.values() if pipeline.is_main)
    pipeline_id = fields.get("pipeline_id", lead.pipeline_id if lead else main.id)
    pipeline = account.pipelines.get(pipeline_id)
    if pipeline is None:
        yield no_choice("pipeline_id")
        return
    if "status_id" not in fields:
        stays = lead is not None and lead.pipeline_id == pipeline_id
        if not stays:
            fields["status_id"] = pipeline.first_status_id()
    elif not pipeline.has(fields["status_id"]):
        yield no_choice("status_id")


def _wrong_loss_reason(
    account: CrmAccount, fields: Fields, lead: CrmLead | None
) -> Iterator[Fault]:
    """A reason has to exist; of a change of a lead that is not lost it is told by its id."""
    reason_id = fields.get("loss_reason_id")
    if reason_id is None:
        return
    is_unfit = lead is None and fields.get("status_id") != LOST
    if is_unfit or account.loss_reasons.shown(reason_id) is None:
        yield no_choice("loss_reason_id")


def _is_reason_unfit(patch: LeadPatch, lead: CrmLead) -> bool:
    status_id = patch.fields.get("status_id", lead.status_id)
    return patch.fields.get("loss_reason_id") is not None and status_id != LOST


def _is_incoming(account: CrmAccount, stage: Stage) -> bool:
    return any(
        status.id == stage.status_id and status.type == INCOMING
        for status in account.pipelines[stage.pipeline_id].statuses
    )
