"""The form of a trigger beside a server that is well, broken, or silent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, expect

from contracts.stage import Stage
from services.sandbox.app import Sandbox
from services.sandbox.model import Trigger
from services.sandbox.sample import NEW_REQUEST, SALES
from services.shared.wall_clock import utc_now
from tests.services.widget.in_browser.clicks import Board
from tests.services.widget.in_browser.pretended import MANAGER, ORIGIN, Pretended
from tests.support.harness import looking

pytestmark = pytest.mark.server

BOARD = f"/settings/pipeline/leads/{SALES}"
HELD = {"rule": "r1", "rev": "7", "key": "k"}
LOST = "Failed to load resource"


@asynccontextmanager
async def at_board(
    kommo: Sandbox, browser: Browser, server: Pretended, *, triggers: int = 1, **look: Any
) -> AsyncIterator[Board]:
    """The board with so many triggers of ours on one stage."""
    ids = [kommo.account.new_hook_id() for _ in range(triggers)]
    kommo.account.triggers = {
        trigger_id: Trigger(
            id=trigger_id,
            stage=Stage(SALES, NEW_REQUEST),
            destination=f"{ORIGIN}/dp/secret/",
            kind="widget",
            settings={**HELD, "rule": f"r{place}"},
        )
        for place, trigger_id in enumerate(ids, 1)
    }
    user_id = server.me["user_id"]
    async with looking(browser, kommo.base_url, user_id, to=BOARD, server=server, **look) as page:
        yield Board(page, NEW_REQUEST)


@pytest.mark.parametrize("marker", ["above", "around", "inside"])
async def test_a_new_trigger_gets_a_rule_and_kommo_keeps_it(
    kommo: Sandbox, browser: Browser, marker: str
) -> None:
    server = Pretended()
    async with at_board(kommo, browser, server, marker=marker) as board:
        await board.add()
        await board.field("name").fill("Second")
        await expect(board.done).to_be_disabled()
        await board.is_ready()
        held = await board.inputs()
        await board.close()
        await board.save()

    assert held == {"rule": "r1", "rev": "2", "key": "k"}
    assert [dict(each.settings) for each in kommo.account.triggers.values()] == [HELD, held]
    assert [each["form"]["name"] for each in server.posted("/rules")] == ["Site requests", "Second"]
    stage = {"pipeline": SALES, "stage": NEW_REQUEST}
    assert all(each.items() >= stage.items() for each in server.posted("/rules"))


async def test_every_field_arrives_in_the_word_of_the_rules_file(
    kommo: Sandbox, browser: Browser
) -> None:
    server = Pretended()
    async with at_board(kommo, browser, server) as board:
        await board.open()
        await board.field("chosen.501").check()
        await board.field("participants.501.coefficient").fill("2,5")
        await board.field("participants.501.priority").fill("2")
        await board.field("participants.501.limit").fill("4")
        await board.field("schedule").select_option("office")
        await board.section("limits")
        await board.field("limit").check()
        await board.field("limit.max").fill("9")
        await board.field(f"limit.stages.{SALES}-{NEW_REQUEST}").check()
        await board.section("linked")
        await board.field("linked.contacts").check()
        await board.field("linked.only_for.502").check()
        await board.section("owners")
        await board.field("owners.sources.contact").check()
        await board.form.get_by_role("button", name="Move up: of the contact", exact=True).click()
        await board.field("owners.sources.lead").check()
        await board.field("owners.others").select_option("keep")
        await board.section("again_title")
        await board.field("redistribution").check()
        await board.field("redistribution.after_minutes").fill("15")
        await board.field("redistribution.nothing_changed").select_option("no_stage_change")
        await board.field("duty").select_option("503")
        await board.section("off_title")
        await board.field("off_hours").select_option("duty")
        await board.field("has_conditions_of_its_own").check()
        await board.is_ready()

    form = server.posted("/rules")[-1]["form"]
    participant = {"schedule": None, "coefficient": "2.5", "priority": 2, "limit": 4}
    assert form["participants"] == [{"manager": 501, **participant}]
    assert (form["schedule"], form["everyone"]) == ("office", False)
    assert form["limit"] == {"max": 9, "stages": [{"pipeline": SALES, "stage": NEW_REQUEST}]}
    assert (form["linked"]["contacts"], form["linked"]["only_for"]) == (True, [502])
    assert form["owners"] == {"sources": ["contact", "lead"], "others": "keep"}
    assert form["redistribution"] == {"after_minutes": 15, "nothing_changed": "no_stage_change"}
    assert (form["duty"], form["off_hours"]) == ({"manager": 503}, "duty")
    assert form["has_conditions_of_its_own"] is True


@pytest.mark.parametrize("mood", ["broken", "silent"])
async def test_a_bad_and_a_slow_server_leave_the_trigger_as_it_was(
    kommo: Sandbox, browser: Browser, mood: Literal["broken", "silent"]
) -> None:
    """The form says so, and what is tried again goes on from there."""
    server = Pretended(mood=mood)
    lost = [LOST] * 2 if mood == "broken" else []
    async with at_board(kommo, browser, server, at=utc_now(), expected=lost) as board:

        async def waited() -> None:
            """Until the form has lost its patience, which is 8 seconds long."""
            if mood == "silent":
                await board.page.clock.fast_forward(9_000)

        await board.open()
        if mood == "silent":
            await expect(board.form).to_contain_text("Loading")
        await waited()
        await expect(board.form).to_contain_text("The trigger stays as it was")
        opened = await board.inputs()
        server.mood = "well"
        await board.form.get_by_role("button", name="Try again").click()
        await expect(board.field("name")).to_be_visible()
        server.mood = mood
        await board.field("name").fill("Another")
        if mood == "silent":
            await expect(board.form).to_contain_text("Saving the rule")
        await waited()
        await expect(board.form).to_contain_text("The trigger stays as it was")
        changed = await board.inputs()
        server.mood = "well"
        await board.form.get_by_role("button", name="Try again").click()
        await board.is_ready()
        kept = await board.inputs()

    assert opened == changed == HELD
    assert kept == {**HELD, "rev": "1"}


async def test_what_the_server_refuses_stands_beside_its_field(
    kommo: Sandbox, browser: Browser
) -> None:
    server = Pretended(refused=[{"pointer": "/form/limit/max", "detail": "At least 1."}])
    async with at_board(kommo, browser, server, expected=[LOST]) as board:
        await board.open()
        await board.section("limits")
        await board.field("limit").check()
        await board.field("limit.max").fill("0")
        await expect(board.field("limit.max")).to_have_attribute("aria-invalid", "true")
        await expect(board.field("limit.max")).to_have_accessible_description("At least 1.")
        await expect(board.done).to_be_disabled()
        held = await board.inputs()
        server.refused = []
        server.warnings = [{"pointer": "/form/limit/max", "detail": "Few."}]
        await board.field("limit.max").fill("1")
        await expect(board.field("limit.max")).to_have_accessible_description("Few.")
        await board.is_ready()

    assert held == HELD


async def test_a_manager_reads_the_form_and_changes_nothing(
    kommo: Sandbox, browser: Browser
) -> None:
    server = Pretended(me=MANAGER)
    async with at_board(kommo, browser, server) as board:
        await board.open()
        await expect(board.form).to_contain_text("Only administrators of Fairlead change rules")
        enabled = await board.form.locator("[data-field]:enabled").count()
        await board.close("Cancel")

    assert enabled == 0
    assert server.posted("/rules") == []


async def test_two_triggers_are_two_forms_and_what_is_not_ours_is_left_alone(
    kommo: Sandbox, browser: Browser
) -> None:
    """One closed beside the open one, and another widget's; deleted and cancelled as Kommo does."""
    here = {"place": 2, "of": 2, "after": ["Site"], "both_unconditional": True, "others": []}
    server = Pretended(here={**here, "is_copy_of": "Sales, Inbox"})
    async with at_board(kommo, browser, server, triggers=2) as board:
        await board.open(1)
        await expect(board.form).to_contain_text("2 of 2 here, after Site")
        await expect(board.form).to_contain_text("the second one never acts")
        await board.form.get_by_role("button", name="Make it separate").click()
        await expect(board.form.locator("input[name=rev]")).to_have_value("1")
        await expect(board.page.locator(".fairlead__trigger")).to_have_count(1)
        await board.close("Cancel")
        await board.open(0)
        await board.close("Delete")
        await board.save()

    assert [each["separate"] for each in server.posted("/rules")] == [True]
    (left,) = kommo.account.triggers.values()
    assert dict(left.settings) == {**HELD, "rule": "r2"}


async def test_S11_names_are_text(kommo: Sandbox, browser: Browser) -> None:
    server = Pretended()
    name = "<img src=x onerror=alert(1)>{{7*7}}\"'><script>alert(2)</script>"
    server.managers[0]["name"] = name
    server.form = {**server.form, "name": name}
    async with at_board(kommo, browser, server, triggers=1) as board:
        await board.open()
        await expect(board.field("chosen.501")).to_have_accessible_name(name)
        await expect(board.field("name")).to_have_value(name)

        assert await board.form.locator("img, script").count() == 0
