"""Pages of lists in the shapes that are documented, in those that were seen, and in nonsense."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.kommo.pages import Odd, Page, page_of
from contracts.kommo.rest import Lead, Updated, User, Webhook
from contracts.stage import Stage

SELF = {"self": {"href": "https://acme.kommo.com/api/v4/leads?page=1&limit=50"}}
NEXT = {"next": {"href": "https://acme.kommo.com/api/v4/leads?page=2&limit=50"}}
AT = datetime.fromtimestamp(1760000000, UTC)
LEAD = {
    "id": 900001,
    "responsible_user_id": 501,
    "status_id": 61000002,
    "pipeline_id": 7000001,
    "created_at": 1760000000,
    "updated_at": 1760000000,
    "_links": SELF,
    "_embedded": {"tags": [], "contacts": [{"id": 800001}]},
}
PROBLEM = {"title": "Bad Request", "status": 400, "detail": "Request validation failed"}


def listed(name: str, *items: object, **links: object) -> dict[str, Any]:
    return {"_page": 1, "_links": {**SELF, **links}, "_embedded": {name: list(items)}}


def test_a_page_of_leads_is_read_with_its_next_page() -> None:
    page = page_of(Lead, "leads", json.loads(json.dumps(listed("leads", LEAD, **NEXT))))

    assert page == Page((Lead.model_validate(LEAD),), NEXT["next"]["href"])
    (lead,) = page.elements
    assert (lead.updated_at, lead.updated_at.tzinfo) == (AT, UTC)
    assert lead.stage == Stage(7000001, 61000002)
    assert page_of(Lead, "leads", listed("leads")) == Page(())


def test_F63_an_element_that_makes_no_sense_is_named_and_hides_no_other() -> None:
    nobodys = {**LEAD, "id": 900002, "responsible_user_id": None}
    nulls = dict.fromkeys(LEAD)
    page = page_of(Lead, "leads", listed("leads", nobodys, LEAD, nulls, None, []))

    assert [lead.id for lead in page.elements] == [900001]
    assert [each.id for each in page.odd] == [900002, None, None, None]
    assert page.odd[0] == Odd(900002, "responsible_user_id")
    assert page.items[1] == page.elements[0]


def test_S20_of_what_makes_no_sense_no_values_are_told() -> None:
    page = page_of(Lead, "leads", listed("leads", {**LEAD, "status_id": "+7 900 123"}))

    assert page.odd == (Odd(900001, "status_id"),)


@pytest.mark.parametrize(
    "links", [{}, {"_links": []}, {"_links": None}, {"_links": {"next": None}}, {"_links": NEXT}]
)
def test_a_page_may_come_without_links(links: dict[str, Any]) -> None:
    page = page_of(Lead, "leads", {"_embedded": {"leads": []}, **links})

    assert page.next_href == (NEXT["next"]["href"] if links.get("_links") == NEXT else None)


def test_a_webhook_tells_whether_kommo_switched_it_off() -> None:
    hook = {"id": 1, "destination": "https://x.test/", "disabled": True, "settings": ["add_lead"]}

    page = page_of(Webhook, "webhooks", listed("webhooks", {"destination": None}, hook))

    assert page.elements == (Webhook(destination="https://x.test/", disabled=True),)


@pytest.mark.parametrize("shape", [Lead, User, Updated, Webhook])
def test_an_error_is_never_taken_for_an_empty_page(shape: type[Any]) -> None:
    for answer in (PROBLEM, {}, {"_embedded": {"leads": None}}, {"_embedded": []}):
        with pytest.raises(ValueError, match="no list of leads"):
            page_of(shape, "leads", answer)


@pytest.mark.parametrize("is_many", [True, False])
def test_an_answer_about_one_thing_is_read_in_both_forms(*, is_many: bool) -> None:
    changed = {"id": 900001, "updated_at": 1760000000, "request_id": 0, "_links": SELF}

    page = page_of(Updated, "leads", listed("leads", changed) if is_many else changed)

    assert page.elements == (Updated(id=900001, updated_at=1760000000),)  # type: ignore[arg-type]


def test_a_bare_lead_is_not_taken_for_a_list_of_what_belongs_to_it() -> None:
    assert page_of(Lead, "leads", LEAD).elements == (Lead.model_validate(LEAD),)


scraps = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "_embedded", "leads", "_links", "next"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["id", "_embedded", "_links"]), scraps))
def test_F34_no_answer_makes_the_reader_fail_otherwise(answer: dict[str, Any]) -> None:
    try:
        page = page_of(Lead, "leads", answer)
    except ValueError:
        return

    assert page.elements == ()
