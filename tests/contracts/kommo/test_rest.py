"""Answers of the REST API v4 in the shapes that are documented and in those that were seen."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.kommo.rest import (
    Account,
    ElementProblems,
    FieldProblem,
    Lead,
    Pipeline,
    Problem,
    User,
    read_problem,
    seconds_of,
)
from contracts.stage import Stage

SELF = {"self": {"href": "https://acme.kommo.com/api/v4/leads?page=1&limit=50"}}
LEAD = {
    "id": 900001,
    "name": "Site request",
    "price": 0,
    "responsible_user_id": 501,
    "group_id": 0,
    "status_id": 61000002,
    "pipeline_id": 7000001,
    "loss_reason_id": None,
    "created_at": 1760000000,
    "updated_at": 1760000000,
    "closed_at": None,
    "is_deleted": False,
    "custom_fields_values": None,
    "account_id": 32000001,
    "_links": SELF,
    "_embedded": {"tags": [], "companies": []},
}
USER = {
    "id": 501,
    "name": "Ana",
    "email": "ana@example.test",
    "rights": {
        "leads": {"view": "A"},
        "status_rights": None,
        "is_admin": False,
        "is_free": False,
        "is_active": True,
        "group_id": None,
    },
}
PIPELINE = {
    "id": 7000001,
    "name": "Sales",
    "sort": 1,
    "is_main": True,
    "is_unsorted_on": True,
    "is_archive": False,
    "_links": SELF,
    "_embedded": {
        "statuses": [
            {"id": 61000001, "name": "Incoming", "sort": 10, "is_editable": False, "type": 1},
            {"id": 142, "name": "Won", "sort": 10000, "is_editable": False, "type": 0},
        ]
    },
}
PROBLEM = {
    "validation-errors": [
        {
            "request_id": "0",
            "errors": [
                {"code": "NotSupportedChoice", "path": "responsible_user_id", "detail": "No"}
            ],
        }
    ],
    "title": "Bad Request",
    "type": "https://httpstatus.es/400",
    "status": 400,
    "detail": "Request validation failed",
}


def test_the_time_zone_of_an_account_is_found_where_it_may_be() -> None:
    zone = {"datetime_settings": {"timezone": "America/Sao_Paulo", "date_formant": "d.m.Y"}}
    answer = {"id": 32000001, "name": "Acme", "subdomain": "acme", "version": 16}

    with pytest.raises(ValidationError, match="timezone"):
        Account.model_validate(answer)
    for shape in ({"_embedded": zone}, zone):
        account = Account.model_validate({**answer, **shape})
        assert (account.id, account.subdomain) == (32000001, "acme")
        assert account.timezone == "America/Sao_Paulo"


def user_with(**rights: object) -> User:
    return User.model_validate({**USER, "rights": {"is_active": True, **rights}})


def test_a_user_tells_whether_they_can_take_leads() -> None:
    ana = User.model_validate(USER)

    assert (ana.id, ana.name, ana.is_active, ana.is_admin, ana.is_free) == (
        501,
        "Ana",
        True,
        False,
        False,
    )
    assert (ana.sees_no_leads, ana.hidden_stages) == (False, ())


def test_a_user_of_unknown_activity_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ValidationError, match="is_active"):
        User.model_validate({**USER, "rights": {"is_admin": True}})


def test_D2_2_a_user_tells_which_stages_they_may_not_see() -> None:
    def right(status_id: object, view: object, entity_type: str = "leads") -> dict[str, Any]:
        stage = {"pipeline_id": 7000001, "status_id": status_id}
        return {"entity_type": entity_type, **stage, "rights": {"view": view, "edit": "D"}}

    status_rights = [right(11, "D"), right("12", "D"), right(13, "M"), right(14, "D", "contacts")]
    user = user_with(status_rights=status_rights, leads={"view": "D"}, is_free=True)

    assert user.hidden_stages == (Stage(7000001, 11), Stage(7000001, 12))
    assert (user.sees_no_leads, user.is_free) == (True, True)


@pytest.mark.parametrize(
    "rights",
    [
        {"status_rights": None, "leads": None, "is_free": None},
        {"status_rights": {"0": {}}, "leads": [], "is_free": "yes"},
        {"status_rights": [None, {"entity_type": "leads"}, {"rights": {"view": "D"}}]},
        {"status_rights": [{"entity_type": "leads", "status_id": -1, "rights": {"view": "D"}}]},
    ],
)
def test_F63_rights_that_make_no_sense_hide_nothing(rights: dict[str, Any]) -> None:
    user = user_with(**rights)

    assert (user.hidden_stages, user.sees_no_leads, user.is_free) == ((), False, False)


def test_F63_a_stage_that_makes_no_sense_does_not_hide_the_others() -> None:
    statuses = [{"id": None, "name": None}, *PIPELINE["_embedded"]["statuses"], None]  # type: ignore[index]
    pipeline = Pipeline.model_validate({**PIPELINE, "_embedded": {"statuses": statuses}})

    assert [(s.id, s.name, s.sort) for s in pipeline.statuses] == [
        (61000001, "Incoming", 10),
        (142, "Won", 10000),
    ]


def test_nobody_is_responsible_when_kommo_says_0() -> None:
    assert Lead.model_validate({**LEAD, "responsible_user_id": 0}).responsible_user_id == 0


def test_what_kommo_leaves_null_is_read_as_its_absence() -> None:
    assert not Lead.model_validate({**LEAD, "is_deleted": None}).is_deleted
    assert User.model_validate({**USER, "name": None}).name == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 0},
        {"id": 2**53},
        {"id": -7},
        {"id": "x"},
        {"updated_at": None},
        {"updated_at": -1},
        {"updated_at": True},
        {"updated_at": "2026-01-01"},
        {"updated_at": 10**30},
        {"responsible_user_id": None},
        {"responsible_user_id": -1},
        {"status_id": None},
        {"pipeline_id": 10**400},
    ],
)
def test_F34_a_lead_with_a_wrong_field_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lead.model_validate({**LEAD, **wrong})


def test_a_refused_choice_is_read_with_its_element_and_field() -> None:
    problem = read_problem(json.dumps(PROBLEM).encode())

    refused = FieldProblem(code="NotSupportedChoice", path="responsible_user_id", detail="No")
    assert problem == Problem(
        title="Bad Request",
        detail="Request validation failed",
        **{"validation-errors": [{"request_id": "0", "errors": [refused.model_dump()]}]},
    )
    assert problem.validation_errors[0].index == 0


@pytest.mark.parametrize(
    "body", [b"403 Forbidden", b"<html>\xff", b"", b"[1]", b"null", b"[" * 9**5]
)
def test_a_body_that_is_no_problem_document_is_none(body: bytes) -> None:
    assert read_problem(body) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "many", "retry_after": 300}, {"retry_after": 300.0}),
        ({"retry_after": "2.5"}, {"retry_after": 2.5}),
        ({"retry_after": -1, "detail": "x"}, {"detail": "x"}),
        ({"retry_after": "a while"}, {}),
        ({"retry_after": 10**400}, {}),
        ({"retry_after": "NaN"}, {}),
        ({"errors": {"7": "Loss"}, "detail": None}, {"errors": {"7": "Loss"}}),
        (
            {"errors": {"7": ["Loss", 1], "8": {"detail": "No"}}},
            {"errors": {"7": "Loss", "8": "No"}},
        ),
        (
            {"errors": {"x": "Loss", "0": "no", "9": None, "6": ""}, "title": "Bad"},
            {"title": "Bad"},
        ),
        ({"errors": ["7"], "title": "Bad"}, {"title": "Bad"}),
        ({"validation-errors": {"0": "x"}, "title": "Bad"}, {"title": "Bad"}),
        ({"title": "ErrInternalServer", "trace_id": "t"}, {"title": "ErrInternalServer"}),
        ({"detail": "no\x00\n" + "x" * 900}, {"detail": "no" + "x" * 196}),
    ],
)
def test_of_a_problem_the_parts_that_make_sense_are_read(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert read_problem(json.dumps(body).encode()) == Problem(**expected)


def test_one_senseless_complaint_does_not_hide_the_others() -> None:
    good = {"code": 60, "path": ["x"], "detail": None}
    elements = [None, {"request_id": "op-77", "errors": ["no", good]}, {"errors": {"0": good}}]
    problem = read_problem(json.dumps({"validation-errors": elements}).encode())

    assert problem is not None
    assert [(each.index, each.errors) for each in problem.validation_errors] == [
        (None, (FieldProblem(code="60"),)),
        (None, ()),
    ]


@pytest.mark.parametrize(
    ("request_id", "index"),
    [("0", 0), (3, 3), ("249", 249), ("1000", None), ("-1", None), ("٣", None), (None, None)],
)
def test_the_place_of_a_refused_element_is_read(request_id: object, index: int | None) -> None:
    assert ElementProblems.model_validate({"request_id": request_id}).index == index


@pytest.mark.parametrize(("header", "seconds"), [("30", 30.0), (None, None), ("soon", None)])
def test_a_pause_is_read_from_a_header_too(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


names = st.sampled_from(
    ["title", "status", "detail", "validation-errors", "errors", "retry_after", "request_id"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary(max_size=100) | st.dictionaries(names, values).map(lambda d: json.dumps(d).encode())
)
def test_F34_no_body_of_an_error_makes_the_reader_raise(body: bytes) -> None:
    problem = read_problem(body)

    assert problem is None or len(problem.detail) <= 200


@pytest.mark.parametrize("model", [Account, Lead, User, Problem])
def test_answers_are_immutable(model: type[BaseModel]) -> None:
    assert model.model_config.get("frozen") is True
