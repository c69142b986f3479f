"""Values of custom fields as hooks write them: each kind of field in a shape of its own."""

from collections.abc import Mapping
from typing import Any

from contracts.kommo.forms import FormValue


def hook_field(field: Mapping[str, Any]) -> dict[str, FormValue]:
    """Write one custom field: the code comes after the values.

    Dates are bare values, a radio button is an object without an index, anything else a list of
    objects.
    """
    kind, values = field.get("field_type"), field["values"]
    written: FormValue
    if kind in {"date", "date_time", "birthday", "checkbox"}:
        written = [as_form(value["value"]) for value in values]
    elif kind == "radiobutton":
        written = _valued(values[0]) if values else []
    else:
        written = [_valued(value) for value in values]
    return {
        "id": field["field_id"],
        "name": field.get("field_name"),
        "values": written,
        "code": field.get("field_code"),
    }


def _valued(value: Mapping[str, Any]) -> FormValue:
    return {"value": as_form(value["value"]), "enum": value.get("enum_id")}


def as_form(value: object) -> FormValue:
    """Write a value of JSON into a form, in which all is text."""
    match value:
        case None:
            return None
        case bool():
            return str(int(value))
        case float():
            return repr(value).removesuffix(".0")
        case Mapping():
            return {str(key): as_form(each) for key, each in value.items()}
        case list() | tuple():
            return [as_form(each) for each in value]
        case _:
            return str(value)
