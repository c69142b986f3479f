"""Made from the router: each route by each role, and by whoever belongs to another account."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import get_args

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from services.access.roles import ROLES, Role, Scope
from services.api.app import RESOURCES, check
from services.api.resource import PREFIX
from services.api.table import ROUTES
from tests.services.api.hall import FOREIGN_ID, Hall, hall
from tests.services.api.kit import CANARY, client
from tests.support.postgres import TestServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.server]

ALL_ROUTES: Mapping[str, APIRoute] = {
    str(route.operation_id): route
    for module in RESOURCES
    for route in module.router.routes
    if isinstance(route, APIRoute)
}
# Of the history that is served; who holds the role manager is 501.
KNOWN = {
    "day": "2026-10-26",
    "lead_id": "1",
    "manager_id": "501",
    "name": "office",
    "request_id": "1.1",
    "revision": "1",
    "version": "16",
}
UNKNOWN = {
    "day": "2026-10-26",
    "lead_id": "777",
    "manager_id": "4",
    "name": "none",
    "request_id": "4",
    "revision": "4",
    "version": "4",
}
QUERY: Mapping[str, Mapping[str, str]] = {
    "compare_rules_revisions": {"to": "1"},
    "list_coverage": {"rule": "a"},
    "explain_manager": {"from": "2026-10-23", "to": "2026-10-26"},
}
# What only an installation on Kafka answers.
OTHERWISE: Mapping[str, int] = {"list_gaps": 409}
NEEDS_MORE = 422
# What of an account is others', and kept as looked at.
SIGHTS: Mapping[str, str] = {
    "explain_manager": "why_not",
    "get_decision": "explanation",
    "get_proof": "proof",
    "get_state": "state",
    "list_access": "access_log",
    "list_people": "people",
    "list_statement": "statement",
}
SIGHTS_BEHIND = "SELECT what FROM access_log WHERE account_id = $1 AND id > $2 ORDER BY id"
# A stream; that somebody looked is part of what they see the next time; it says when it was made.
NEVER_THE_SAME = {"follow_feed", "list_access", "get_proof"}
ROLE_NAMES: tuple[Role, ...] = tuple(ROLES)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that a route understands, as far as its path and query go."""

    operation: str
    method: str
    path: str

    @classmethod
    def of(cls, operation: str, *, account_id: int, ids: Mapping[str, str] = KNOWN) -> "Ask":
        route = ALL_ROUTES[operation]
        (method,) = route.methods
        values = {**ids, "account_id": str(account_id)}
        path = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "op-none"), route.path)
        return cls(operation, method, path.removeprefix(PREFIX))

    async def by(
        self,
        asking: httpx.AsyncClient,
        *,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> httpx.Response:
        """The answer, asked with more in the query; of a stream no more than how it begins."""
        request = asking.build_request(
            self.method,
            self.path,
            params={**QUERY.get(self.operation, {}), **more},
            headers=headers,
        )
        answer = await asking.send(request, stream=True)
        try:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                await answer.aread()
        finally:
            await answer.aclose()
        return answer


def of_accounts(*, reads: bool = False) -> list[str]:
    """The routes of an account, or those of them that read.

    A command is given to the account that is named, whatever ids are in it, and is refused by the
    application, where that is tested.
    """
    return sorted(
        name
        for name, entry in ROUTES.items()
        if entry.about == "account" and not (reads and ALL_ROUTES[name].methods != {"GET"})
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def it(postgres_server: TestServer) -> AsyncIterator[Hall]:
    async with hall(postgres_server, "off-hours") as found:
        yield found


async def test_A14_2_S8_every_route_has_an_entry_and_every_entry_a_route() -> None:
    assert set(ALL_ROUTES) == set(ROUTES)


async def test_S8_a_route_without_an_entry_fails_the_start() -> None:
    async def nobody() -> None: ...

    forgotten = APIRoute("/api/v1/forgotten", nobody, operation_id="forget", methods=["GET"])

    with pytest.raises(KeyError, match="forget"):
        check([*ALL_ROUTES.values(), forgotten])


async def test_A9_2_every_scope_of_the_table_is_one() -> None:
    assert {entry.scope for entry in ROUTES.values()} <= {*get_args(Scope), None}


@pytest.mark.parametrize("operation", sorted(ROUTES))
async def test_A14_2_S8_each_role_may_what_the_table_says(it: Hall, operation: str) -> None:
    entry, ask = ROUTES[operation], Ask.of(operation, account_id=it.account_id)
    told = {}
    for role in ROLE_NAMES:
        may = entry.scope is None or entry.scope in ROLES[role]
        may = may or (entry.is_own_enough and "self" in ROLES[role])
        if may and ask.method != "GET":
            continue  # what it does is looked at where it is tested
        async with it.anybody(role) as asking:
            status = (await ask.by(asking)).status_code
        told[role] = (status, _expected(operation, role, may=may))

    assert {role: found for role, found in told.items() if found[0] != found[1]} == {}


def _expected(operation: str, role: Role, *, may: bool) -> int:
    about = ROUTES[operation].about
    if about == "account" and role == "operator":
        return 404  # nothing of an account is theirs
    if may:
        unknown = "op-none" in Ask.of(operation, account_id=1).path
        return 404 if unknown else OTHERWISE.get(operation, 200)
    return 404 if about == "installation" else 403


@pytest.mark.parametrize(
    "operation", [name for name in of_accounts(reads=True) if ROUTES[name].is_own_enough]
)
async def test_S8_a_manager_sees_nobody_but_themselves(it: Hall, operation: str) -> None:
    ask = Ask.of(operation, account_id=it.account_id, ids={**KNOWN, "manager_id": "502"})
    async with it.anybody("manager") as manager:
        answer = await ask.by(manager)

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-allowed")


@pytest.mark.parametrize("operation", of_accounts(reads=True))
async def test_A1_2_A1_3_A4_1_a_read_tells_version_and_tag_and_takes_no_word_it_does_not_know(
    it: Hall, operation: str
) -> None:
    ask = Ask.of(operation, account_id=it.account_id)
    async with it.anybody("administrator") as asking:
        answer = await ask.by(asking)
        again = await ask.by(asking, headers={"if-none-match": answer.headers.get("etag", "none")})
        odd = await ask.by(asking, mnager="501")

    shown = it.audience.events[-1].version
    assert odd.status_code == 422
    assert [each["pointer"] for each in odd.json()["errors"]] == ["query.mnager"]
    if answer.status_code != 404:  # nothing of that id is in this history
        assert (answer.status_code, answer.headers["fairlead-version"]) == (200, str(shown))
        assert again.headers["fairlead-version"] == str(shown)
        assert again.status_code == (200 if operation in NEVER_THE_SAME else 304)


async def test_A9_3_who_looks_at_what_is_others_is_kept_and_of_no_other_look(it: Hall) -> None:
    pool, kept = it.audience.pool, dict[str, str]()
    async with it.anybody("administrator") as asking:
        for operation in of_accounts(reads=True):
            before = await pool.fetchval("SELECT coalesce(max(id), 0) FROM access_log")
            await Ask.of(operation, account_id=it.account_id).by(asking)
            for row in await pool.fetch(SIGHTS_BEHIND, it.account_id, before):
                kept[operation] = row["what"]

    assert kept == SIGHTS


@pytest.mark.parametrize("operation", of_accounts())
async def test_S5_a_foreign_account_is_one_that_is_not(it: Hall, operation: str) -> None:
    foreign = Ask.of(operation, account_id=it.account_id)
    unknown = Ask.of(operation, account_id=77)
    async with client(it.address, it.foreign) as stranger:
        answers = [await each.by(stranger) for each in (foreign, unknown)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert _alike(answers[0]) == _alike(answers[1])
    assert CANARY not in answers[0].text


@pytest.mark.parametrize("operation", of_accounts(reads=True))
async def test_A14_2_S5_the_ids_of_another_account_are_unknown(it: Hall, operation: str) -> None:
    ask = Ask.of(operation, account_id=FOREIGN_ID)
    async with client(it.address, it.foreign) as stranger:
        theirs = await ask.by(stranger)
        nobodys = await Ask.of(operation, account_id=FOREIGN_ID, ids=UNKNOWN).by(stranger)

    assert theirs.status_code == nobodys.status_code
    assert CANARY not in _text(theirs)
    if theirs.status_code == 404:
        assert _alike(theirs) == _alike(nobodys)


def _text(answer: httpx.Response) -> str:
    """What was told; a stream of an account in which nothing happens tells nothing."""
    return answer.text if answer.is_stream_consumed else ""


def _alike(answer: httpx.Response) -> tuple[str, frozenset[str]]:
    """What is the same in answers that nobody can tell apart."""
    return answer.text.replace(answer.headers["request-id"], ""), frozenset(answer.headers)
