"""The rules in the console: listed, edited by forms, put in force, by whoever may (W4.4)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.events import RulesApplied
from services.access.roles import Role
from services.rules_file.yaml import read
from tests.services.api.office import WAITING, Office, open_office
from tests.services.console.rules_kit import EXAMPLE, RULES, Visitor, text_of, visiting

pytestmark = pytest.mark.server

FRESH = [("key", "fresh"), ("is_new", "true")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(shared_database: str) -> AsyncIterator[Office]:
    async with open_office(shared_database) as found:
        yield found


async def in_force(office: Office) -> list[RulesApplied]:
    log = await office.desk.log(office.account_id)
    return [each.event for each in log if isinstance(each.event, RulesApplied)]


async def applied(visitor: Visitor, where: str, **typed: str | list[str]) -> str:
    """Put a draft in force as the page says it; where that leads to."""
    page = await visitor.get(f"{where}/review")
    assert page.status_code == 200
    draft = await visitor.draft(where)
    pairs = [("edition", str(draft.edition)), ("key", f"apply-{draft.edition}")]
    for name, value in typed.items():
        pairs += [(name, each) for each in ([value] if isinstance(value, str) else value)]
    answer = await visitor.post(f"{where}/apply", pairs)
    return answer.headers.get("location", str(answer.status_code))


async def test_W4_4_an_editor_changes_one_thing_and_the_comments_stay(office: Office) -> None:
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)
        untouched = await ana.change(f"{where}/rules/1", {})
        same = await ana.draft(where)
        await ana.change(f"{where}/rules/1", {"rules[1].limit.max": "30"})
        await ana.change(f"{where}/settings", {"activity.managers_may_change": ""})
        kept = await ana.draft(where)
        quiet = await ana.change(f"{where}/rules/1", {"rules[1].limit.max": "many", "quietly": "1"})
        page = await ana.get(f"{where}/rules/1")
        as_file = await ana.get(f"{where}/file")

    assert (untouched.status_code, same.content) == (303, EXAMPLE)
    assert kept.content == EXAMPLE.replace("max: 25", "max: 30").replace(
        "managers_may_change: true", "managers_may_change: false"
    )
    told = quiet.json()
    assert told["edition"] == kept.edition + 1
    assert "Anna, Boris, Vera" in told["said"]["who"]
    problems = {each["field"] for each in told["remarks"] if each["severity"] == "problem"}
    assert "rules[1].limit.max" in problems
    place = page.text.split('data-remarks="rules[1].limit.max"')[1].split("</div>")[0]
    assert "many" in text_of(place)
    assert as_file.text == EXAMPLE.replace("max: 25", "max: many").replace(
        "managers_may_change: true", "managers_may_change: false"
    )


async def test_W4_4_rules_are_ordered_added_copied_and_removed(office: Office) -> None:
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)

        async def do(**deed: str) -> list[str]:
            draft = await ana.draft(where)
            pairs = [("edition", str(draft.edition)), *deed.items()]
            answer = await ana.post(f"{where}/deeds", pairs)
            assert answer.status_code == 303, answer.text
            return [each["id"] for each in read((await ana.draft(where)).content).data["rules"]]

        assert await do(deed="down", rule="0") == ["site", "spanish", "chats", "partners"]
        assert await do(deed="up", rule="3") == ["site", "spanish", "partners", "chats"]
        moved = await do(deed="move", rule="0", place="3")
        assert moved == ["spanish", "partners", "chats", "site"]
        assert await do(deed="move", rule="3", place="4") == moved
        moved = await do(deed="move", rule="3", place="0")
        assert moved == ["site", "spanish", "partners", "chats"]
        assert await do(deed="remove", rule="1") == ["site", "partners", "chats"]
        await do(deed="off", rule="0")
        off = text_of((await ana.get(where)).text)
        text = (await ana.draft(where)).content
        await do(deed="on", rule="0")
        assert "switched off" in off
        assert "enabled: false" in text
        assert "enabled: false" not in (await ana.draft(where)).content
        assert await do(deed="copy", rule="0") == ["site", "site-1", "partners", "chats"]
        last = await do(deed="add", stage="7000002:62000001")
        page = text_of((await ana.get(where)).text)
        dropped = await ana.post(
            f"{where}/drop", [("edition", str((await ana.draft(where)).edition))]
        )

    assert last == ["site", "site-1", "partners", "chats", "rule-1"]
    assert "Requests from the site, copied" in page
    assert "Pipeline 2 / Stage 1" in page
    assert "Everybody, evenly" in page
    assert dropped.headers["location"] == ana.base


async def test_W4_4_two_administrators_with_one_draft(office: Office) -> None:
    async with visiting(office) as ana, visiting(office) as boris:
        where = await ana.begin(EXAMPLE)
        old = await boris.get(f"{where}/rules/1")
        await ana.change(f"{where}/rules/1", {"rules[1].limit.max": "30"})
        clash = await boris.change_of(
            old, f"{where}/rules/1", {"rules[1].limit.max": "40", "rules[1].catch_up": "5"}
        )
        kept = await ana.draft(where)
        mine = await boris.change_of(clash, f"{where}/rules/1", {}, form='class="clash"')
        after = await ana.draft(where)
        listed = text_of((await boris.get(boris.base)).text)
        old_text = await boris.get(f"{where}/yaml")
        await ana.change(f"{where}/rules/1", {"rules[1].limit.max": "31"})
        text_clash = await boris.change_of(old_text, f"{where}/yaml", {"text": "version: 1"})

    assert (clash.status_code, kept.content) == (409, EXAMPLE.replace("max: 25", "max: 30"))
    assert "changed this draft while you did" in text_of(clash.text)
    assert mine.status_code == 303
    rule = read(after.content).data["rules"][1]
    assert (rule["limit"]["max"], rule["catch_up"]) == (40, 5)
    assert "works on the rules as well" in listed
    assert text_clash.status_code == 409
    assert "version: 1</textarea>" in text_clash.text


async def test_W4_4_a_draft_is_put_in_force_and_an_older_base_shows_both(office: Office) -> None:
    async with office.working(), visiting(office) as ana, visiting(office) as boris:
        first = await ana.begin(RULES)
        second = await boris.begin(RULES)
        await boris.change(f"{second}/rules/0", {"rules[0].catch_up": "3"})
        await boris.change(f"{second}/rules/0", {"rules[0].limit.max": "9"})
        await ana.change(f"{first}/rules/0", {"rules[0].limit.max": "30"})
        review = text_of((await ana.get(f"{first}/review")).text)
        seen = await boris.tokens(f"{second}/review")
        unseen = await applied(ana, first)
        warnings = await ana.tokens(f"{first}/review")
        done = await applied(ana, first, seen=warnings, note="<b>the season</b> is over")
        receipt = await ana.get(done)
        stale = await boris.get(f"{second}/review")
        late = await applied_blindly(boris, second, seen)
        both = await boris.get(f"{second}/merge")
        await boris.merge(second, both, theirs=["rules.site.limit.max"])
        joined = await boris.draft(second)
        begun = await ana.draft((await ana.post(f"{ana.base}/drafts", FRESH)).headers["location"])
        done_too = await applied(boris, second, seen=await boris.tokens(f"{second}/review"))
        revisions = text_of((await boris.get(f"{boris.base}/revisions")).text)
        change = text_of((await boris.get(f"{boris.base}/revisions/3")).text)
        noted = await boris.get(f"{boris.base}/revisions/2")
        back = await boris.post(f"{boris.base}/revisions/2/draft", [("key", "back")])
        rolled = await boris.draft(back.headers["location"])

    assert "the whole rule" in review
    assert warnings
    assert unseen == "422"
    assert "told=" in done
    assert 'class="verdict receipt' in receipt.text
    assert stale.headers["location"] == late == f"{second}/merge"
    assert "9" in text_of(both.text)
    rule = read(joined.content).data["rules"][0]
    assert (rule["limit"]["max"], rule["catch_up"], joined.base_revision) == (30, 3, 2)
    assert "# why" in joined.content
    assert begun.content == RULES.replace("max: 20", "max: 30")
    assert "# why" in rolled.content
    assert "told=" in done_too
    assert [each.revision for each in await in_force(office)] == [1, 2, 3]
    assert "Revision 3" in revisions
    assert "<b>the season</b> is over" in revisions
    assert "<blockquote>&lt;b&gt;the season&lt;/b&gt; is over</blockquote>" in noted.text
    assert "Leads to catch up with after a pause or an absence" in change
    assert read(rolled.content).data["rules"][0]["limit"]["max"] == 30
    assert "catch_up" not in read(rolled.content).data["rules"][0]


async def test_W4_4_comments_stay_where_rules_were_changed_without_a_text(office: Office) -> None:
    text = f"""{RULES}# the last word\n"""
    async with office.working(), visiting(office) as ana:
        where = await ana.begin(text)
        await applied(ana, where, seen=await ana.tokens(f"{where}/review"))
        data = read(text).data
        data["rules"][0]["catch_up"] = 3
        seen = {"if-match": f'"{(await in_force(office))[-1].revision}"'}
        async with await office.caller("administrator") as program:
            answer = await program.put("rules", json=data, headers=seen | WAITING)
        begun = await ana.draft((await ana.post(f"{ana.base}/drafts", FRESH)).headers["location"])
        as_file = await ana.get(f"{ana.base}/file")

    assert answer.status_code == 200, answer.text
    assert "# why\n  - id: site" in begun.content
    assert read(begun.content).data == data
    assert as_file.text == begun.content


async def applied_blindly(visitor: Visitor, where: str, seen: list[str]) -> str:
    """From a page that was looked at before others put theirs in force."""
    draft = await visitor.draft(where)
    pairs = [("edition", str(draft.edition)), ("key", "blind"), *(("seen", each) for each in seen)]
    answer = await visitor.post(f"{where}/apply", pairs)
    return answer.headers.get("location", str(answer.status_code))


@pytest.mark.parametrize("role", ["viewer", "supervisor"])
async def test_W3_2_who_may_not_change_rules_reads_them(office: Office, role: Role) -> None:
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)
        key = [("key", "k"), ("edition", "1")]
        async with visiting(office, role) as other:
            page = await other.get(other.base)
            revisions = await other.get(f"{other.base}/revisions/1")
            refused = [
                (await other.get(each)).status_code
                for each in (where, f"{where}/rules/0", f"{where}/yaml", f"{where}/review")
            ] + [
                (await other.post(each, key)).status_code
                for each in (
                    f"{other.base}/drafts",
                    f"{other.base}/revisions/1/draft",
                    f"{where}/rules/0",
                    f"{where}/yaml",
                    f"{where}/drop",
                    f"{where}/apply",
                    f"{where}/merge",
                )
            ]

    assert (page.status_code, revisions.status_code) == (200, 200)
    assert '<form method="post" action="/a/' not in page.text
    assert refused == [403] * 11
    async with visiting(office, "manager") as manager:
        assert (await manager.get(manager.base)).status_code == 403


async def test_S11_what_is_typed_into_rules_is_text(office: Office) -> None:
    evil = "</textarea><script>alert(1)</script>"
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)
        await ana.change(f"{where}/rules/1", {"rules[1].name": evil, "rules[1].limit.max": evil})
        pages = [await ana.get(f"{where}{each}") for each in ("", "/rules/1", "/yaml", "/review")]

    assert all(each.status_code == 200 for each in pages)
    assert not any("<script>alert" in each.text for each in pages)


async def test_W4_4_a_draft_is_tried_on_the_past_beside_everything_else(office: Office) -> None:
    async with visiting(office) as ana:
        where = await ana.begin(EXAMPLE)
        asked = await ana.post(f"{where}/what-if", [("key", "try")])
        job = asked.headers["location"]
        under_way = await ana.get(job)
        stopped = await ana.post(f"{job}/cancel", [("key", "stop")])
        over = await ana.get(job)
        async with visiting(office, "viewer") as viewer:
            refused = (await viewer.get(job)).status_code

    assert "http-equiv" in under_way.text
    assert stopped.headers["location"] == job
    assert ("http-equiv" in over.text, f"{job}/cancel" in over.text) == (False, False)
    assert refused == 403
