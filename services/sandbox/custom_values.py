"""Values of custom fields that the API is given: checked against the account's definitions."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.sandbox.checking import Fault, is_integer, no_choice, wrong_type
from services.sandbox.fields import CHOICES, Field, FieldChoice

VALUES_MAX = 40
_Values = tuple[Mapping[str, Any], ...] | None
_Where = str


def with_custom_fields(
    fields: Mapping[int, Field], given: object, old: _Values
) -> tuple[_Values, list[Fault]]:
    """Replace the custom fields that are given, keep the others.

    A field is named by its id or its code; no values at all empty it. One that a card already has
    may be written even if the account's definitions do not know it.
    """
    kept = {field["field_id"]: field for field in old or ()}
    if given is None:
        return old, []
    if not isinstance(given, list):
        return old, [wrong_type("custom_fields_values", "array")]
    faults: list[Fault] = []
    for place, element in enumerate(given):
        path = f"custom_fields_values.{place}"
        field = _field(fields, element, kept)
        if field is None:
            faults.append(no_choice(f"{path}.field_id"))
            continue
        values = element.get("values")
        if values is None or values == []:
            kept.pop(field.id, None)
            continue
        written = _written(field, values, path, faults)
        if not faults:
            kept[field.id] = {
                "field_id": field.id,
                "field_name": field.name,
                "field_code": field.code,
                "field_type": field.type,
                "values": written,
                "is_computed": False,
            }
    return tuple(kept.values()) or None, faults


def _field(
    fields: Mapping[int, Field], element: object, kept: Mapping[int, Mapping[str, Any]]
) -> Field | None:
    if not isinstance(element, dict):
        return None
    field_id, code = element.get("field_id"), element.get("field_code")
    if is_integer(field_id):
        assert isinstance(field_id, int)  # noqa: S101 - just looked
        known = fields.get(field_id)
        had = kept.get(field_id)
        if known is None and had is not None:
            name = had.get("field_name") or f"Field {field_id}"
            return Field(id=field_id, name=name, type=had.get("field_type") or "text")
        return known
    return next((field for field in fields.values() if code and field.code == code), None)


def _written(field: Field, values: object, path: _Where, faults: list[Fault]) -> Sequence[Any]:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        faults.append(wrong_type(f"{path}.values", "array"))
        return ()
    return [
        _value(field, value, f"{path}.values.{place}", faults) for place, value in enumerate(values)
    ]


def _value(
    field: Field, given: Mapping[str, Any], path: _Where, faults: list[Fault]
) -> Mapping[str, Any]:
    if not field.has_enums:
        if "value" not in given:
            faults.append(no_choice(f"{path}.value"))
        elif not _fits(field, given["value"]):
            faults.append(wrong_type(f"{path}.value", _expected(field)))
        return {"value": given.get("value")}
    choice = _choice(field, given)
    is_choice = field.type in CHOICES
    if choice is None and (is_choice or {"enum_id", "enum_code"} & given.keys()):
        faults.append(no_choice(f"{path}.{'enum_id' if 'enum_id' in given else 'enum_code'}"))
    if choice is None:
        choice = field.enums[-1] if field.enums else None
    return {
        "value": choice.value if is_choice and choice else given.get("value"),
        "enum_id": choice.id if choice else None,
        "enum_code": choice.code if choice else None,
    }


def _choice(field: Field, given: Mapping[str, Any]) -> FieldChoice | None:
    """By id, by code or, of a list of choices, by what it reads."""
    for choice in field.enums:
        if given.get("enum_id") is not None:
            if choice.id == given["enum_id"]:
                return choice
        elif given.get("enum_code") is not None:
            if choice.code == given["enum_code"]:
                return choice
        elif field.type in CHOICES and choice.value == given.get("value"):
            return choice
    return None


def _fits(field: Field, value: object) -> bool:
    match field.type:
        case "numeric" | "monetary" | "price":
            return _is_numeric(value)
        case "date" | "date_time" | "birthday":
            return is_integer(value) or isinstance(value, str)
        case "checkbox":
            return isinstance(value, bool)
        case "text" | "textarea" | "url" | "streetaddress" | "tracking_data":
            return isinstance(value, str | int | float)
        case _:
            return True


def _is_numeric(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    return isinstance(value, str) and value.replace(".", "", 1).lstrip("-").isdigit()


def _expected(field: Field) -> str:
    return {
        "numeric": "numeric",
        "monetary": "numeric",
        "price": "numeric",
        "checkbox": "bool",
        "date": "int",
        "date_time": "int",
        "birthday": "int",
    }.get(field.type, "string")
