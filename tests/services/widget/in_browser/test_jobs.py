"""What managers asked of the widget, configured by clicks alone in a real installation.

Each test has an account of its own: a trigger is put on a stage, a lead is moved there, Kommo sends
its hook to the real ingress, and somebody is responsible for the lead.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from projections import silences
from projections.silences import SilentTrigger
from services.sandbox.model import Author
from services.sandbox.sample import ADMIN_ID, NEW_REQUEST, SALES
from services.storage.database import borrow
from tests.services.widget.in_browser.clicks import Board, by_keys
from tests.services.widget.in_browser.jobs import (
    ANA,
    BRUNO,
    CARLA,
    DIEGO,
    a_trigger,
    at_board,
    in_settings,
    kept,
    on_card,
    seen,
)
from tests.services.widget.in_browser.site import Account, Site
from tests.support.waiting import until

pytestmark = pytest.mark.system

HUMAN = Author("human", ADMIN_ID)


async def test_D2_4_even_distribution(site: Site, wide: Browser) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA, BRUNO):
        pass

    assert Counter(await account.one_by_one(4)) == {ANA: 2, BRUNO: 2}


async def test_D2_4_forty_and_sixty_over_six_leads_are_two_and_four(
    site: Site, wide: Browser
) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA, BRUNO) as board:
        await board.field(f"participants.{ANA}.coefficient").fill("40")
        await board.field(f"participants.{BRUNO}.coefficient").fill("60")
    shared = Counter(await account.one_by_one(6))
    async with at_board(site, wide, account) as board:
        await board.open()
        await board.field("distribute_by_coefficient").uncheck()
        await kept(board)
        await seen(board)
    even = Counter(await account.one_by_one(2))

    assert shared == {ANA: 2, BRUNO: 4}
    assert even == {ANA: 1, BRUNO: 1}


async def test_D5_1_a_limit_at_stages(site: Site, wide: Browser) -> None:
    """Two at most at the chosen stage; the third waits until one of them has moved on (D5.3)."""
    account = await site.account()
    async with a_trigger(site, wide, account, ANA) as board:
        await board.section("limits")
        await board.field("limit").check()
        await board.field("limit.max").fill("2")
        await board.field(f"limit.stages.{SALES}-{NEW_REQUEST}").check()
    leads = account.new_leads(3)
    for lead_id in leads[:2]:
        account.move(lead_id)
        await account.given(lead_id)
    account.move(leads[2])
    await account.is_heard(leads[2])
    full = account.responsible(leads[2])
    account.move(leads[0], to=NEW_REQUEST + 1, by=ANA)

    assert full == ADMIN_ID
    assert await account.given(*leads) == [ANA] * 3


async def test_D6_4_each_kind_of_object_follows_by_its_own_switch(
    site: Site, wide: Browser
) -> None:
    account = await site.account()
    found = {}
    async with at_board(site, wide, account) as board:
        await board.add()
        await board.field(f"chosen.{ANA}").check()
        await board.section("linked")
        await kept(board)
        for kind in ("contacts", "company", "tasks", "company_leads", "contact_leads"):
            await board.open()
            await board.section("linked")
            await board.field(f"linked.{kind}").check()
            await kept(board)
            await seen(board)
            held = _with_everything(account)
            account.move(held["lead"])
            await account.given(held["lead"])
            await until(lambda kind=kind, held=held: kind in _followed(account, held, ANA))
            found[kind] = _followed(account, held, ANA)
            await board.open()
            await board.section("linked")
            await board.field(f"linked.{kind}").uncheck()
            await kept(board)

    assert found == {kind: {kind} for kind in found}


async def test_D6_5_the_lead_itself_can_be_left_alone(site: Site, wide: Browser) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA) as board:
        await board.section("linked")
        await board.field("linked.contacts").check()
        await board.field("linked.lead").uncheck()
    held = _with_everything(account)
    account.move(held["lead"])
    await until(lambda: "contacts" in _followed(account, held, ANA))

    assert account.responsible(held["lead"]) == ADMIN_ID


async def test_D6_4_only_for_the_selected_employees(site: Site, wide: Browser) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA) as board:
        await board.section("linked")
        await board.field("linked.contacts").check()
        await board.field("linked.company").check()
        await board.field(f"linked.only_for.{CARLA}").check()
    held = _with_everything(account, contacts=CARLA, company=DIEGO)
    account.move(held["lead"])
    await account.given(held["lead"])
    await until(lambda: "contacts" in _followed(account, held, ANA))

    assert _followed(account, held, ANA) == {"contacts"}


async def test_D6_1_owner_first(site: Site, wide: Browser) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA, BRUNO) as board:
        await board.section("owners")
        await board.field("owners.sources.contact").check()
    contacts = [
        each.id
        for each in account.kommo.crm.desk.add_cards(
            "contacts", [{"responsible_user_id": BRUNO}] * 3, HUMAN, silent=True
        )
    ]
    leads = [account.new_leads(contact_ids=(each,))[0] for each in contacts]
    account.move(*leads)

    assert await account.given(*leads) == [BRUNO] * 3


async def test_D7_1_distributed_again_and_then_to_whoever_is_on_duty(
    site: Site, wide: Browser
) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA, BRUNO) as board:
        await board.section("again_title")
        await board.field("redistribution").check()
        await board.field("redistribution.after_minutes").fill("15")
        await board.field("redistribution.nothing_changed").select_option("no_stage_change")
        await board.field("duty").select_option(str(CARLA))
    (lead,) = account.new_leads()
    account.move(lead)
    (first,) = await account.given(lead)
    second = await account.passed_on(lead, site.clock, minutes=16)
    third = await account.passed_on(lead, site.clock, minutes=16)

    assert (sorted([first, second]), third) == ([ANA, BRUNO], CARLA)


async def test_D7_6_taken_and_passed_on_at_the_card_by_keyboard_alone(
    site: Site, wide: Browser
) -> None:
    """What was passed on is the other one's at once; what was taken stays when time is up."""
    account = await site.account()
    async with a_trigger(site, wide, account, ANA, BRUNO) as board:
        await board.section("again_title")
        await board.field("redistribution").check()
        await board.field("redistribution.after_minutes").fill("15")
        await board.field("redistribution.nothing_changed").select_option("no_stage_change")
    given, kept_one, left = account.new_leads(3)
    before = {}
    for lead in (given, kept_one, left):
        account.move(lead)
        (before[lead],) = await account.given(lead)
    async with on_card(site, wide, account, given, by=before[given]) as panel:
        await by_keys(panel.page, panel.get_by_role("button", name="Pass on"))
        await expect(panel.get_by_role("status").first).to_contain_text("goes to")
    await account.given(given, but=before[given])
    async with on_card(site, wide, account, kept_one, by=before[kept_one]) as panel:
        await by_keys(panel.page, panel.get_by_role("button", name="I take it"))
        await expect(panel).to_contain_text("is yours")
    passed_on = await account.passed_on(left, site.clock, minutes=16)

    both = {ANA, BRUNO}
    assert {before[given], account.responsible(given)} == both
    assert {before[left], passed_on} == both
    assert account.responsible(kept_one) == before[kept_one]


async def test_D1_4_two_triggers_on_one_stage(site: Site, wide: Browser) -> None:
    """Two hooks arrive; the first rule of the order decides, once (D1.3)."""
    account = await site.account()
    async with a_trigger(site, wide, account, ANA) as board:
        await board.field("name").fill("First")
    got = await account.one_by_one(1)
    async with a_trigger(site, wide, account, BRUNO) as board:
        await board.field("name").fill("Second")
    got += await account.one_by_one(2)
    async with at_board(site, wide, account) as board:
        await board.open(1)
        await expect(board.form).to_contain_text("2 of 2 here, after First")
        await expect(board.form).to_contain_text("the second one never acts")

    assert got == [ANA] * 3
    assert len(_changes(account)) == 3


async def test_D1_1_a_copied_pipeline_is_one_rule_on_two_stages_until_it_is_made_separate(
    site: Site, wide: Browser
) -> None:
    account = await site.account()
    async with a_trigger(site, wide, account, ANA) as board:
        await board.field("name").fill("Site")
    await account.one_by_one(1)
    async with at_board(site, wide, account) as board:
        await board.page.get_by_role("button", name="Copy").click()
        await board.page.get_by_role("link", name="Open the copy").click()
        await expect(board.page.get_by_role("heading", name="Sales (copy)")).to_be_visible()
        pipeline = max(account.kommo.account.pipelines)
        stage = account.kommo.account.pipelines[pipeline].statuses[2].id
        (lead,) = account.new_leads()
        account.move(lead, to=stage, pipeline=pipeline)
        shared = await account.given(lead)
        copy = Board(board.page, stage)
        await copy.open()
        rule = copy.form.locator("input[name=rule]")
        shared_rule = await rule.input_value()
        await copy.form.get_by_role("button", name="Make it separate").click()
        await copy.field(f"chosen.{ANA}").uncheck()
        await copy.field(f"chosen.{BRUNO}").check()
        await expect(rule).not_to_have_value(shared_rule)
        await kept(copy)
        await seen(copy)
    (of_copy,) = account.new_leads()
    account.move(of_copy, to=stage, pipeline=pipeline)

    assert shared == [ANA]
    assert await account.given(of_copy) == [BRUNO]
    assert await account.one_by_one(1) == [ANA]


async def test_D1_8_a_deleted_trigger_ends_with_the_third_lead_that_it_does_not_tell_of(
    site: Site, wide: Browser
) -> None:
    """Kommo tells nobody that a trigger was deleted; the account's own webhooks go on (D1.8)."""
    account = await site.account()
    async with a_trigger(site, wide, account, ANA):
        pass
    before = await account.one_by_one(1)
    async with at_board(site, wide, account) as board:
        await board.open()
        await board.close("Delete")
        await board.save()
    given = []
    while not (found := await _silent(site, account)):
        site.clock.put_to(site.clock.now() + timedelta(minutes=11))
        (lead,) = account.new_leads()
        account.move(lead)
        await until(lambda lead=lead: _is_answered(site, account, lead))
        given.append(account.responsible(lead))
    async with a_trigger(site, wide, account, BRUNO):
        pass
    after = await account.one_by_one(1)

    assert (before, after) == ([ANA], [BRUNO])
    assert given in ([ANA] * 2 + [ADMIN_ID], [ANA] * 3 + [ADMIN_ID])
    assert [(each.pipeline_id, each.stage_id) for each in found] == [(SALES, NEW_REQUEST)]


async def test_D9_2_paused_by_oneself_on_the_card_and_by_an_administrator_in_the_settings(
    site: Site, wide: Browser
) -> None:
    """One's own pause ends by itself; an administrator's can only be lifted by one."""
    account = await site.account()
    async with a_trigger(site, wide, account, ANA, BRUNO):
        pass
    (lead,) = account.new_leads()
    async with on_card(site, wide, account, lead, by=ANA) as panel:
        await panel.get_by_label("Pause until").select_option("half")
        await panel.get_by_role("button", name="Pause", exact=True).click()
        await expect(panel).to_contain_text("The pause holds.")
    lunch = await account.one_by_one(3)
    site.clock.put_to(site.clock.now() + timedelta(minutes=31))
    back = await account.one_by_one(2)
    async with in_settings(site, wide, account) as dialog:
        await dialog.get_by_text("Other managers").click()
        row = dialog.get_by_role("listitem").filter(has_text="Ana Souza")
        await row.get_by_label("Pause until").select_option("open")
        await row.get_by_role("button", name="Pause", exact=True).click()
        await expect(row).to_contain_text("The pause holds.")
    by_administrator = await account.one_by_one(3)
    async with on_card(site, wide, account, lead, by=ANA, expected=1) as panel:
        await panel.get_by_role("button", name="Resume").click()
        await expect(panel.get_by_role("alert")).to_be_visible()
    still = await account.one_by_one(1)

    assert lunch == by_administrator == [BRUNO] * 3
    assert Counter(back) == {ANA: 1, BRUNO: 1}
    assert still == [BRUNO]


async def test_D9_1_managers_do_not_change_their_own_activity_where_that_is_switched_off(
    site: Site, wide: Browser
) -> None:
    account = await site.account()
    async with in_settings(site, wide, account) as dialog:
        await dialog.get_by_label("Managers may pause themselves").uncheck()
        await expect(dialog).to_contain_text("Saved.")
    (lead,) = account.new_leads()
    async with on_card(site, wide, account, lead, by=ANA) as panel:
        await expect(panel).to_contain_text("Only administrators pause and resume here.")

        assert await panel.get_by_role("button", name="Pause", exact=True).count() == 0


async def _silent(site: Site, account: Account) -> list[SilentTrigger]:
    """The triggers of which the administrator is told that they are gone."""
    async with site.opened() as installation, borrow(installation.pool) as connection:
        return await silences.of_account(connection, account.id)


async def _is_answered(site: Site, account: Account, lead_id: int) -> bool:
    """Whether a lead was given to somebody, or a trigger counts as gone since it came."""
    return account.responsible(lead_id) != ADMIN_ID or bool(await _silent(site, account))


def _with_everything(
    account: Account, *, contacts: int = CARLA, company: int = CARLA
) -> dict[str, Any]:
    """A lead with a contact, a company, an open task, and other leads of both."""
    desk = account.kommo.crm.desk
    contact = desk.add_cards("contacts", [{"responsible_user_id": contacts}], HUMAN, silent=True)[0]
    firm = desk.add_cards("companies", [{"responsible_user_id": company}], HUMAN, silent=True)[0]
    linked: dict[str, Any] = {"contact_ids": (contact.id,), "company_id": firm.id}
    (lead,) = account.new_leads(**linked)
    (by_contact,) = account.new_leads(contact_ids=(contact.id,), responsible_user_id=CARLA)
    (by_company,) = account.new_leads(company_id=firm.id, responsible_user_id=CARLA)
    task = {
        "text": "Call",
        "complete_till": 2_000_000_000,
        "entity_id": lead,
        "entity_type": "leads",
        "responsible_user_id": CARLA,
    }
    made = desk.add_tasks([task], HUMAN, silent=True)[0]
    return {
        "lead": lead,
        "contacts": contact.id,
        "company": firm.id,
        "tasks": made.id,
        "contact_leads": by_contact,
        "company_leads": by_company,
    }


def _followed(account: Account, held: dict[str, Any], manager_id: int) -> set[str]:
    """What of these belongs to the manager now, the lead apart."""
    model = account.kommo.account
    boxes = {
        "contacts": model.contacts.by_id,
        "company": model.companies.by_id,
        "tasks": model.tasks.by_id,
        "contact_leads": model.leads,
        "company_leads": model.leads,
    }
    return {
        kind for kind, box in boxes.items() if box[held[kind]].responsible_user_id == manager_id
    }


def _changes(account: Account) -> list[Any]:
    """Every change of a lead's responsible that came by the API."""
    return [each for each in account.kommo.journal.responsibles if each.via == "api"]
