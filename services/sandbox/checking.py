"""How bodies of the API are read and refused: bulks, typed fields, and the words of refusals."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from services.sandbox.answers import ApiProblem, invalid
from services.sandbox.knobs import Knobs
from services.sandbox.model import ROBOT, CrmAccount
from services.sandbox.paging import LIMIT_MAX

Fault = dict[str, str]
Fields = dict[str, Any]
_ID_MAX: Final = 2**63


def elements_of(body: object, *, most: int = LIMIT_MAX) -> list[Mapping[str, Any]]:
    """Read a bulk.

    Raises:
        ApiProblem: It is empty, too long, or no list of objects.
    """
    if not body:
        raise ApiProblem(400, "Request data can not be empty")
    if not isinstance(body, list) or not all(isinstance(element, dict) for element in body):
        raise ApiProblem(400, "Invalid request body")
    if len(body) > most:
        raise ApiProblem(422, f"Limit {most} per page")
    return body


def object_of(body: object) -> Mapping[str, Any]:
    """Read a body that is one thing.

    Raises:
        ApiProblem: It is no object.
    """
    if not isinstance(body, dict):
        raise ApiProblem(400, "Invalid request body")
    return body


def request_ids(elements: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each element: by its own request id, else by its index."""
    return [str(element.get("request_id", n)) for n, element in enumerate(elements)]


def is_integer(value: object) -> bool:
    """Whether it is a number as ids and instants are; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ID_MAX


def is_integer_or_null(value: object) -> bool:
    """The same, or null."""
    return value is None or is_integer(value)


def is_text(value: object) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def is_flag(value: object) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


def is_object(value: object) -> bool:
    """Whether it is an object."""
    return isinstance(value, dict)


_TYPES: Final[Mapping[Callable[[object], bool], str]] = {
    is_integer: "int",
    is_integer_or_null: "int",
    is_text: "string",
    is_flag: "bool",
    is_object: "object",
}


def typed(
    element: Mapping[str, Any], types: Mapping[str, Callable[[object], bool]]
) -> tuple[Fields, list[Fault]]:
    """Take over the fields that may be written; anything else is ignored."""
    fields: Fields = {}
    faults: list[Fault] = []
    for name, is_right in types.items():
        if name not in element:
            continue
        value = element[name]
        # JSON has one kind of numbers: some clients write instants as 1900000000.0.
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        if is_right(value):
            fields[name] = value
        else:
            faults.append(wrong_type(name, _TYPES[is_right]))
    return fields, faults


def wrong_users(
    account: CrmAccount, knobs: Knobs, fields: Mapping[str, Any], names: Sequence[str]
) -> list[Fault]:
    """Whoever is named and cannot be: unknown or deactivated; the robot only as an author."""
    faults = []
    for name in names:
        if name not in fields or (fields[name] == ROBOT and name != "responsible_user_id"):
            continue
        user = account.users.get(fields[name])
        if user is None or not user.is_active or user.id in knobs.refuse_user_ids:
            faults.append(no_choice(name))
    return faults


def wrong_entity(account: CrmAccount, knobs: Knobs, kind: str, entity_id: int) -> list[Fault]:
    """Whether something belongs to what does not exist, or what the knobs want left alone."""
    is_refused = kind == "leads" and entity_id in knobs.refuse_lead_ids
    if is_refused or not account.has_entity(kind, entity_id):
        return [no_choice("entity_id")]
    return []


def is_refused_pair(knobs: Knobs, entity_id: int, user_id: int | None) -> bool:
    """Whether the knobs want nobody, or not this user, to be made responsible for it."""
    is_pair = user_id is not None and (entity_id, user_id) in knobs.refuse_pairs
    return is_pair or (user_id is not None and entity_id in knobs.refuse_any_user_lead_ids)


def fault(code: str, path: str, detail: str) -> Fault:
    """One thing that is wrong with an element."""
    return {"code": code, "path": path, "detail": detail}


def no_choice(path: str) -> Fault:
    """It names nothing that exists, or nothing that may be chosen."""
    return fault("NotSupportedChoice", path, "The value you selected is not a valid choice.")


def missing(path: str) -> Fault:
    """It has to be there."""
    return fault("FieldMissing", path, "This field is missing.")


def wrong_type(path: str, expected: str) -> Fault:
    """It is of another type."""
    return fault("InvalidType", path, f"This value should be of type {expected}.")


def refused(
    knobs: Knobs, elements: Sequence[Mapping[str, Any]], faults: Mapping[str, list[Fault]]
) -> ApiProblem:
    """The refusal of a bulk, in one of the ways in which Kommo words it."""
    if knobs.refusals == "by_index":
        return invalid(faults)
    if knobs.refusals == "first":
        first = next(iter(faults.values()))
        return invalid({"0": first})
    if knobs.refusals == "unnamed":
        return ApiProblem(400, "Invalid request body")
    names = request_ids(elements)
    return by_id(
        {
            str(elements[names.index(name)].get("id")): found[0]["detail"]
            for name, found in faults.items()
        }
    )


def by_id(reasons: Mapping[str, str]) -> ApiProblem:
    """The second shape of a 400: a reason for each id, under `errors`."""
    return ApiProblem(400, "Invalid request body", {"errors": reasons})
