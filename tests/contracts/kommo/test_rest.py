"""Answers of the REST API v4 in the shapes that are documented and in those that were seen."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contracts.kommo.rest import (
    NO_LEADS,
    Account,
    ElementProblems,
    FieldProblem,
    Lead,
    LeadsPage,
    PipelinesPage,
    Problem,
    UpdatedLeads,
    UsersPage,
    read_problem,
)

SELF = {"self": {"href": "https://acme.kommo.com/api/v4/leads?page=1&limit=50"}}
NEXT = {"next": {"href": "https://acme.kommo.com/api/v4/leads?page=2&limit=50"}}
AT = datetime.fromtimestamp(1760000000, UTC)
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


def listed(name: str, *items: object, **links: object) -> dict[str, Any]:
    return {"_page": 1, "_links": {**SELF, **links}, "_embedded": {name: list(items)}}


def test_the_time_zone_of_an_account_is_found_or_absent() -> None:
    zone = {"datetime_settings": {"timezone": "America/Sao_Paulo", "date_formant": "d.m.Y"}}
    answer = {"id": 32000001, "name": "Acme", "subdomain": "acme", "version": 16}

    assert Account.model_validate(answer).timezone is None
    for shape in ({"_embedded": zone}, zone):
        account = Account.model_validate({**answer, **shape})
        assert (account.id, account.subdomain) == (32000001, "acme")
        assert account.timezone == "America/Sao_Paulo"


def test_a_page_of_users_tells_who_can_take_leads() -> None:
    page = UsersPage.model_validate(listed("users", USER))

    assert [(u.id, u.name, u.is_active, u.is_admin, u.is_free) for u in page.users] == [
        (501, "Ana", True, False, False)
    ]
    assert page.next_href is None


def test_a_user_of_unknown_activity_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ValidationError, match="is_active"):
        UsersPage.model_validate(listed("users", {**USER, "rights": {"is_admin": True}}))


@pytest.mark.parametrize("answer", [listed("pipelines", PIPELINE), PIPELINE])
def test_pipelines_are_read_with_and_without_the_envelope(answer: dict[str, Any]) -> None:
    (pipeline,) = PipelinesPage.model_validate(answer).pipelines

    assert (pipeline.id, pipeline.is_main, pipeline.is_archive) == (7000001, True, False)
    assert [(s.id, s.type) for s in pipeline.statuses] == [(61000001, 1), (142, 0)]


def test_a_page_of_leads_is_read_with_its_next_page() -> None:
    page = LeadsPage.model_validate_json(json.dumps(listed("leads", LEAD, **NEXT)))

    assert page.next_href == NEXT["next"]["href"]
    assert page.leads == (Lead.model_validate(LEAD),)
    assert page.leads[0].updated_at == AT
    assert page.leads[0].updated_at.tzinfo is UTC
    assert LeadsPage.model_validate(listed("leads")) == NO_LEADS


def test_nobody_is_responsible_when_kommo_says_0() -> None:
    assert Lead.model_validate({**LEAD, "responsible_user_id": 0}).responsible_user_id is None


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
        {"responsible_user_id": None, "status_id": None},
        {"pipeline_id": 10**400},
    ],
)
def test_F34_a_lead_with_a_wrong_field_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lead.model_validate({**LEAD, **wrong})


def test_an_error_is_never_taken_for_an_empty_page() -> None:
    for model in (LeadsPage, UsersPage, PipelinesPage, UpdatedLeads):
        with pytest.raises(ValidationError):
            model.model_validate(PROBLEM)


@pytest.mark.parametrize("request_id", [{}, {"request_id": "op-77"}, {"request_id": 0}])
@pytest.mark.parametrize("is_many", [True, False])
def test_the_answer_to_a_change_is_read_in_both_forms(
    request_id: dict[str, Any], *, is_many: bool
) -> None:
    changed = {"id": 900001, "updated_at": 1760000000, **request_id, "_links": SELF}

    answer = UpdatedLeads.model_validate(listed("leads", changed) if is_many else changed)

    (lead,) = answer.leads
    assert (lead.id, lead.updated_at) == (900001, AT)
    assert lead.request_id == {None: None, "op-77": "op-77", 0: "0"}[request_id.get("request_id")]


def test_a_refused_choice_is_read_with_its_element_and_field() -> None:
    problem = read_problem(400, json.dumps(PROBLEM).encode())

    refused = FieldProblem(code="NotSupportedChoice", path="responsible_user_id", detail="No")
    assert problem.validation_errors == (ElementProblems(request_id="0", errors=(refused,)),)
    assert (problem.status, problem.detail) == (400, "Request validation failed")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (403, b"403 Forbidden", {"detail": "403 Forbidden"}),
        (502, b"<html>\xff", {"detail": "<html>\ufffd"}),
        (504, b"", {}),
        (400, b"[1]", {"detail": "[1]"}),
        (429, b'{"status":"many","retry_after":300}', {"retry_after": 300}),
        (429, b'{"retry_after":-1,"detail":"x"}', {"detail": "x"}),
        (400, b'{"errors":{"7":"Loss"},"detail":null}', {"errors": {"7": "Loss"}}),
        (400, b'{"errors":["7"],"title":"Bad"}', {"title": "Bad"}),
        (400, b'{"validation-errors":{"0":"x"},"title":"Bad"}', {"title": "Bad"}),
        (500, b'{"title":"ErrInternalServer","trace_id":"t"}', {"trace_id": "t"}),
    ],
)
def test_any_body_of_an_error_is_read(status: int, body: bytes, expected: dict[str, Any]) -> None:
    problem = read_problem(status, body)

    actual = problem.model_dump(include={"detail", "retry_after", "errors", "trace_id"})
    assert problem.status == status
    assert {name: value for name, value in actual.items() if value} == {
        name: value for name, value in expected.items() if name != "title"
    }
    assert problem.title == expected.get("title", problem.title)


names = st.sampled_from(
    ["title", "status", "detail", "validation-errors", "errors", "retry_after", "request_id"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.integers(min_value=400, max_value=599),
    st.binary(max_size=100) | st.dictionaries(names, values).map(lambda d: json.dumps(d).encode()),
)
@settings(max_examples=200, deadline=None)
def test_F34_no_body_of_an_error_makes_the_reader_raise(status: int, body: bytes) -> None:
    assert read_problem(status, body).status == status


@pytest.mark.parametrize("model", [Account, Lead, LeadsPage, Problem])
def test_answers_are_immutable(model: type[BaseModel]) -> None:
    assert model.model_config.get("frozen") is True
