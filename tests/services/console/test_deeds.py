"""What is done about leads and managers: looked at first, then done, by whoever may (W3.5, W4)."""

import pytest

from services.access.roles import Role
from tests.services.console.site import BRUNO, Site
from tests.services.console.test_pages import text_of

pytestmark = pytest.mark.server

LEAD = 900001


async def test_W4_3_a_correction_shows_everybodys_part_before_it_is_posted(site: Site) -> None:
    typed = {"leads": "1,5", "reason": "A fair"}
    async with site.signed_in("administrator") as client:
        shown = await client.get(f"{site.base}/managers/{BRUNO}/correction", params=typed)
        wrong = await client.get(
            f"{site.base}/managers/{BRUNO}/correction", params={**typed, "leads": "many"}
        )
        done = await client.post(
            f"{site.base}/managers/{BRUNO}/correction",
            data={"leads": "1.5", "reason": "A fair", "key": "a-correction"},
        )

    assert "Bruno +1.500" in text_of(shown)
    assert "Ana -" in text_of(shown)
    assert 'name="leads" value="1.5"' in shown.text
    assert wrong.status_code == 409
    assert "Move it" in text_of(wrong)
    assert done.headers["location"].startswith(f"{site.base}/managers/{BRUNO}?told=kept")


async def test_W4_3_a_handover_says_who_would_get_the_leads(site: Site) -> None:
    async with site.signed_in("supervisor") as client:
        page = await client.get(f"{site.base}/managers/{BRUNO}/handover")

    assert page.status_code == 200
    assert "hand over 5 leads" in text_of(page).lower()


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("viewer", f"/leads/{LEAD}/undo"),
        ("viewer", f"/managers/{BRUNO}/handover"),
        ("supervisor", f"/managers/{BRUNO}/correction"),
    ],
)
async def test_W3_2_a_deed_that_a_role_may_not_do_is_neither_offered_nor_shown(
    site: Site, role: Role, path: str
) -> None:
    async with site.signed_in(role) as client:
        refused = await client.get(site.base + path)
        offered_on = await client.get(site.base + path.rpartition("/")[0])

    assert refused.status_code == 403
    assert path not in offered_on.text


async def test_D7_6_a_manager_takes_a_lead_from_their_own_page_or_says_why_not(
    site: Site,
) -> None:
    async with site.signed_in("manager", BRUNO) as bruno:
        taken = await bruno.post(f"{site.base}/leads/{LEAD}/take", data={"key": "take-it"})
        unsaid = await bruno.post(
            f"{site.base}/leads/{LEAD}/pass-on", data={"key": "pass-it", "reason": " "}
        )

    # Nothing runs beside the page that could answer.
    assert taken.headers["location"].startswith(f"{site.base}/me?told=kept")
    assert "A reason is needed" in text_of(unsaid)


@pytest.mark.parametrize(("role", "is_offered"), [("viewer", False), ("supervisor", True)])
async def test_W3_7_the_palette_finds_what_somebody_may_see_and_do(
    site: Site, role: Role, *, is_offered: bool
) -> None:
    async with site.signed_in(role) as client:
        palette = text_of(await client.get(f"{site.base}/palette"))

    assert "Carla (503)" in palette
    assert ("Pause Carla (503)" in palette) == is_offered
