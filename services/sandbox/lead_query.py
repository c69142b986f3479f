"""Which leads a list request means, and in which order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from contracts.stage import Stage
from services.sandbox.answers import ApiProblem
from services.sandbox.model import Account, Lead
from services.sandbox.paging import groups, numbers, span, texts

_SETS = ("pipeline_id", "responsible_user_id", "created_by", "updated_by")
_SPANS = ("created_at", "updated_at", "closed_at")
_ORDERS = ("id", "created_at", "updated_at")

_Test = Callable[[Lead], bool]


@dataclass(frozen=True, slots=True)
class LeadQuery:
    """A parsed query; unknown parameters are ignored, as Kommo does."""

    ids: frozenset[int] | None
    tests: tuple[_Test, ...]
    order: str
    descending: bool

    def find(self, account: Account) -> list[Lead]:
        """List the leads that pass every filter."""
        found = [lead for lead in self._candidates(account) if all(t(lead) for t in self.tests)]
        # Ids are the last word, so that pages of equal instants neither skip nor repeat.
        found.sort(key=lambda lead: (getattr(lead, self.order), lead.id), reverse=self.descending)
        return found

    def _candidates(self, account: Account) -> Iterable[Lead]:
        if self.ids is None:
            return account.leads.values()
        return [account.leads[lead_id] for lead_id in self.ids if lead_id in account.leads]


def lead_query(params: QueryParams) -> LeadQuery:
    """Parse a query string.

    Raises:
        ApiProblem: A filter is malformed.
    """
    only_deleted = "only_deleted" in params.get("with", "").split(",")
    tests: list[_Test] = [lambda lead: lead.is_deleted == only_deleted]
    tests.extend(_memberships(params))
    tests.extend(_spans(params))
    tests.extend(_stages(params))
    if names := frozenset(texts(params, "filter[name]")):
        tests.append(lambda lead: lead.name in names)
    if words := params.get("query"):
        tests.append(lambda lead: words.casefold() in lead.name.casefold())
    order, descending = _order(params)
    return LeadQuery(numbers(params, "filter[id]"), tuple(tests), order, descending)


def _memberships(params: QueryParams) -> Iterable[_Test]:
    for name in _SETS:
        wanted = numbers(params, f"filter[{name}]")
        if wanted is not None:
            yield _is_one_of(name, wanted)


def _is_one_of(name: str, wanted: frozenset[int]) -> _Test:
    return lambda lead: getattr(lead, name) in wanted


def _spans(params: QueryParams) -> Iterable[_Test]:
    for name in _SPANS:
        low, high = span(params, f"filter[{name}]")
        if low is not None or high is not None:
            yield _is_within(name, low, high)


def _is_within(name: str, low: int | None, high: int | None) -> _Test:
    def test(lead: Lead) -> bool:
        value = getattr(lead, name)
        if value is None:
            return False
        return (low is None or value >= low) and (high is None or value <= high)

    return test


def _stages(params: QueryParams) -> Iterable[_Test]:
    asked = groups(params, "filter[statuses]")
    if not asked:
        return
    if any(not {"pipeline_id", "status_id"} <= group.keys() for group in asked):
        raise ApiProblem(400, "filter[statuses] needs both pipeline_id and status_id")
    stages = frozenset(Stage(group["pipeline_id"], group["status_id"]) for group in asked)
    yield lambda lead: lead.stage in stages


def _order(params: QueryParams) -> tuple[str, bool]:
    for name in _ORDERS:
        direction = params.get(f"order[{name}]")
        if direction:
            if direction not in {"asc", "desc"}:
                raise ApiProblem(400, f"order[{name}] must be asc or desc")
            return name, direction == "desc"
    return "id", False
