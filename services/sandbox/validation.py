"""What the API refuses in PATCH and POST of leads, and in PATCH of what belongs to them.

One bad element refuses the whole bulk and nothing is applied, as in the documented examples.
Not documented: what an unknown lead id is answered with; here it is `NotSupportedChoice` at `id`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.stage import LOST, Stage
from services.sandbox.answers import ApiProblem, invalid
from services.sandbox.cards import CardPatch, Kind
from services.sandbox.knobs import Knobs
from services.sandbox.model import INCOMING, ROBOT, Account, Lead, LeadPatch
from services.sandbox.paging import LIMIT_MAX

_INTEGERS = (
    "price",
    "status_id",
    "pipeline_id",
    "responsible_user_id",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
)
_NULLABLE = ("closed_at", "loss_reason_id")
_USERS = ("responsible_user_id", "created_by", "updated_by")
_ID_MAX = 2**63

_Error = dict[str, str]
_Fields = dict[str, Any]


def elements_of(body: object) -> list[Mapping[str, Any]]:
    """Read a bulk.

    Raises:
        ApiProblem: It is empty, too long, or no list of objects.
    """
    if not body:
        raise ApiProblem(400, "Request data can not be empty")
    if not isinstance(body, list) or not all(isinstance(element, dict) for element in body):
        raise ApiProblem(400, "Invalid request body")
    if len(body) > LIMIT_MAX:
        raise ApiProblem(422, f"Limit {LIMIT_MAX} per page")
    return body


def request_ids(elements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each element: by its own request id, else by its index."""
    return [str(element.get("request_id", n)) for n, element in enumerate(elements)]


def patches_of(
    account: Account, knobs: Knobs, elements: Sequence[Mapping[str, Any]]
) -> list[LeadPatch]:
    """Check the elements of a PATCH.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    patches: list[LeadPatch] = []
    errors: dict[str, list[_Error]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        lead, found = _lead_of(account, knobs, element)
        if lead is not None:
            fields, wrong = _fields(account, knobs, element, lead)
            found.extend(wrong)
            patches.append(LeadPatch(lead.id, fields))
        if found:
            errors.setdefault(name, []).extend(found)
    if errors:
        raise invalid(errors)
    return patches


def drafts_of(
    account: Account, knobs: Knobs, elements: Sequence[Mapping[str, Any]], default_user_id: int
) -> list[_Fields]:
    """Check the elements of a POST.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    main = next(pipeline for pipeline in account.pipelines.values() if pipeline.is_main)
    drafts: list[_Fields] = []
    errors: dict[str, list[_Error]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        fields, wrong = _fields(account, knobs, element, None)
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


def card_patches_of(
    account: Account, knobs: Knobs, kind: Kind, elements: Sequence[Mapping[str, Any]]
) -> list[CardPatch]:
    """Check the elements of a PATCH of contacts, companies or tasks.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    patches: list[CardPatch] = []
    errors: dict[str, list[_Error]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        card = (
            account.box(kind).by_id.get(element["id"]) if _is_integer(element.get("id")) else None
        )
        if card is None or card.is_deleted:
            errors.setdefault(name, []).append(_no_choice("id"))
            continue
        fields = (
            {"responsible_user_id": element["responsible_user_id"]}
            if ("responsible_user_id" in element)
            else {}
        )
        if found := list(_wrong_users(account, knobs, fields)):
            errors.setdefault(name, []).extend(found)
        patches.append(CardPatch(card.id, fields))
    if errors:
        raise invalid(errors)
    return patches


def _lead_of(
    account: Account, knobs: Knobs, element: Mapping[str, Any]
) -> tuple[Lead | None, list[_Error]]:
    if "id" not in element:
        return None, [_error("FieldMissing", "id", "This field is missing.")]
    lead_id = element["id"]
    if not _is_integer(lead_id):
        return None, [_error("InvalidType", "id", "This value should be of type int.")]
    lead = account.leads.get(lead_id)
    if lead is None or lead.is_deleted or lead_id in knobs.refuse_lead_ids:
        return None, [_no_choice("id")]
    if knobs.refuse_incoming and _is_incoming(account, lead.stage):
        return None, [_no_choice("status_id")]
    return lead, []


def _fields(
    account: Account, knobs: Knobs, element: Mapping[str, Any], lead: Lead | None
) -> tuple[_Fields, list[_Error]]:
    """Take over what may be written; anything else is ignored."""
    fields: _Fields = {}
    errors: list[_Error] = []
    for name in (*_INTEGERS, *_NULLABLE):
        if name not in element:
            continue
        value = element[name]
        if _is_integer(value) or (value is None and name in _NULLABLE):
            fields[name] = value
        else:
            errors.append(_error("InvalidType", name, "This value should be of type int."))
    if "name" in element:
        if isinstance(element["name"], str):
            fields["name"] = element["name"]
        else:
            errors.append(_error("InvalidType", "name", "This value should be of type string."))
    if errors:
        return fields, errors
    errors.extend(_wrong_users(account, knobs, fields))
    errors.extend(_set_stage(account, fields, lead))
    errors.extend(_wrong_loss_reason(fields, lead))
    errors.extend(_set_custom_fields(fields, element, lead))
    _set_tags(fields, element, lead)
    return fields, errors


def _wrong_users(account: Account, knobs: Knobs, fields: _Fields) -> Iterator[_Error]:
    for name in _USERS:
        if name not in fields or (fields[name] == ROBOT and name != "responsible_user_id"):
            continue
        user = account.users.get(fields[name])
        if user is None or not user.is_active or user.id in knobs.refuse_user_ids:
            yield _no_choice(name)


def _set_stage(account: Account, fields: _Fields, lead: Lead | None) -> Iterator[_Error]:
    """Complete a stage of which only the pipeline is given; refuse an unknown one."""
    if "pipeline_id" not in fields and "status_id" not in fields:
        return
    main = next(pipeline for pipeline in account.pipelines.values() if pipeline.is_main)
    pipeline_id = fields.get("pipeline_id", lead.pipeline_id if lead else main.id)
    pipeline = account.pipelines.get(pipeline_id)
    if pipeline is None:
        yield _no_choice("pipeline_id")
        return
    if "status_id" not in fields:
        stays = lead is not None and lead.pipeline_id == pipeline_id
        if not stays:
            fields["status_id"] = pipeline.first_status_id()
    elif not pipeline.has(fields["status_id"]):
        yield _no_choice("status_id")


def _wrong_loss_reason(fields: _Fields, lead: Lead | None) -> Iterator[_Error]:
    status_id = fields.get("status_id", lead.status_id if lead else None)
    if fields.get("loss_reason_id") is not None and status_id != LOST:
        yield _no_choice("loss_reason_id")


def _set_custom_fields(
    fields: _Fields, element: Mapping[str, Any], lead: Lead | None
) -> Iterator[_Error]:
    """Replace the given custom fields, keep the others."""
    given = element.get("custom_fields_values")
    if given is None:
        return
    kept = {field["field_id"]: field for field in (lead and lead.custom_fields_values) or ()}
    for field in given if isinstance(given, list) else (None,):
        values = field.get("values") if isinstance(field, dict) else None
        if (
            not isinstance(field, dict)
            or not _is_integer(field.get("field_id"))
            or not isinstance(values, list)
            or not all(isinstance(value, dict) and "value" in value for value in values)
        ):
            yield _error("InvalidType", "custom_fields_values", "This value is not valid.")
            return
        number = field["field_id"]
        kept[number] = {
            "field_id": number,
            "field_name": f"Field {number}",
            "field_code": None,
            "field_type": "text",
            **kept.get(number, {}),
            "values": [
                {"value": value["value"], "enum_id": value.get("enum_id"), "enum_code": None}
                for value in values
            ],
            "is_computed": False,
        }
    fields["custom_fields_values"] = tuple(kept.values()) or None


def _set_tags(fields: _Fields, element: Mapping[str, Any], lead: Lead | None) -> None:
    """Replace tags by `_embedded`, or add and delete some."""
    tags = {name: tag_id for tag_id, name in lead.tags} if lead else {}
    embedded = element.get("_embedded")
    if isinstance(embedded, dict) and "tags" in embedded:
        tags = _tags(embedded["tags"])
    elif "tags_to_add" in element or "tags_to_delete" in element:
        tags |= _tags(element.get("tags_to_add"))
        for name in _tags(element.get("tags_to_delete")):
            tags.pop(name, None)
    else:
        return
    fields["tags"] = tuple((tag_id, name) for name, tag_id in tags.items())


def _tags(given: object) -> dict[str, int]:
    if not isinstance(given, list):
        return {}
    named = [tag for tag in given if isinstance(tag, dict) and isinstance(tag.get("name"), str)]
    return {
        tag["name"]: tag["id"] if _is_integer(tag.get("id")) else 1 + sum(tag["name"].encode())
        for tag in named
    }


def _is_incoming(account: Account, stage: Stage) -> bool:
    return any(
        status.id == stage.status_id and status.type == INCOMING
        for status in account.pipelines[stage.pipeline_id].statuses
    )


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ID_MAX


def _error(code: str, path: str, detail: str) -> _Error:
    return {"code": code, "path": path, "detail": detail}


def _no_choice(path: str) -> _Error:
    return _error("NotSupportedChoice", path, "The value you selected is not a valid choice.")
