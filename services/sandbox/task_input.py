"""What the API is given about tasks, checked; one bad element refuses a bulk."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.sandbox.answers import invalid
from services.sandbox.cards import TASK_TYPES, CardPatch, Task
from services.sandbox.checking import (
    Fault,
    Fields,
    is_flag,
    is_integer,
    is_integer_or_null,
    is_object,
    is_refused_pair,
    is_text,
    missing,
    no_choice,
    refused,
    request_ids,
    typed,
    wrong_entity,
    wrong_type,
    wrong_users,
)
from services.sandbox.knobs import Knobs
from services.sandbox.model import CrmAccount

_TYPES: Final = {
    "text": is_text,
    "complete_till": is_integer,
    "responsible_user_id": is_integer,
    "entity_id": is_integer_or_null,
    "task_type_id": is_integer,
    "duration": is_integer,
    "is_completed": is_flag,
    "result": is_object,
    "created_by": is_integer,
    "updated_by": is_integer,
    "created_at": is_integer,
    "updated_at": is_integer,
}
_USERS: Final = ("responsible_user_id", "created_by", "updated_by")


def task_drafts_of(
    account: CrmAccount, knobs: Knobs, elements: Sequence[Mapping[str, Any]], default_user_id: int
) -> list[Fields]:
    """Check the elements of a POST; without `entity_id` a task belongs to nothing.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    drafts: list[Fields] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        fields, wrong = _fields(account, knobs, element, None)
        wrong += [missing(path) for path in ("text", "complete_till") if path not in element]
        whose = {"entity_id": None, "entity_type": None, "responsible_user_id": default_user_id}
        drafts.append({**whose, **fields})
        if wrong:
            errors.setdefault(name, []).extend(wrong)
    if errors:
        raise invalid(errors)
    return drafts


def task_patches_of(
    account: CrmAccount, knobs: Knobs, elements: Sequence[Mapping[str, Any]]
) -> list[CardPatch]:
    """Check the elements of a PATCH.

    Raises:
        ApiProblem: Some are refused, so all are.
    """
    patches: list[CardPatch] = []
    errors: dict[str, list[Fault]] = {}
    for name, element in zip(request_ids(elements), elements, strict=True):
        task_id = element.get("id")
        task = account.tasks.shown(task_id) if isinstance(task_id, int) else None
        if task is None:
            errors.setdefault(name, []).append(no_choice("id"))
            continue
        fields, wrong = _fields(account, knobs, element, task)
        patches.append(CardPatch(task.id, fields))
        if wrong:
            errors.setdefault(name, []).extend(wrong)
    if errors:
        raise refused(knobs, elements, errors)
    return patches


def _fields(
    account: CrmAccount, knobs: Knobs, element: Mapping[str, Any], task: Task | None
) -> tuple[Fields, list[Fault]]:
    # An empty result is a list in answers, and clients send it back.
    given = {k: v for k, v in element.items() if (k, v) != ("result", [])}
    fields, faults = typed(given, _TYPES)
    if faults:
        return fields, faults
    faults += wrong_users(account, knobs, fields, _USERS)
    if task is not None and is_refused_pair(knobs, task.id, fields.get("responsible_user_id")):
        faults.append(no_choice("responsible_user_id"))
    if "text" in fields and not fields["text"].strip():
        faults.append(missing("text"))
    if fields.get("task_type_id", 1) not in TASK_TYPES:
        faults.append(no_choice("task_type_id"))
    if "result" in fields:
        text = fields["result"].get("text")
        fields["result"] = text
        if not isinstance(text, str):
            faults.append(wrong_type("result.text", "string"))
    return fields, faults + _set_owner(account, knobs, fields, element)


def _set_owner(
    account: CrmAccount, knobs: Knobs, fields: Fields, element: Mapping[str, Any]
) -> list[Fault]:
    """Whose task it is: something that exists, of a kind that is named."""
    if fields.get("entity_id") is None:
        if "entity_id" in fields:
            fields["entity_type"] = None
        return []
    kind = element.get("entity_type", "leads")
    if kind not in {"leads", "contacts", "companies"}:
        return [no_choice("entity_type")]
    fields["entity_type"] = kind
    return wrong_entity(account, knobs, kind, fields["entity_id"])
