"""Which leads a list request means, and in which order."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from contracts.stage import Stage
from services.sandbox.answers import ApiProblem
from services.sandbox.filters import Test, field_tests, known_filters, membership, within
from services.sandbox.model import CrmAccount, CrmLead
from services.sandbox.paging import groups, numbers, order_of, span, texts

_SETS = ("pipeline_id", "responsible_user_id", "created_by", "updated_by")
_SPANS = ("created_at", "updated_at", "closed_at", "price")
_FILTERS = (*_SETS, *_SPANS, "id", "name", "statuses", "closest_task_at", "custom_fields_values")
_ORDERS = ("id", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class LeadQuery:
    """A parsed query."""

    ids: frozenset[int] | None
    tests: tuple[Test, ...]
    order: str
    descending: bool

    def find(self, account: CrmAccount) -> list[CrmLead]:
        """List the leads that pass every filter."""
        found = [lead for lead in self._candidates(account) if all(t(lead) for t in self.tests)]
        # Ids are the last word, so that pages of equal instants neither skip nor repeat.
        found.sort(key=lambda lead: (getattr(lead, self.order), lead.id), reverse=self.descending)
        return found

    def _candidates(self, account: CrmAccount) -> Iterable[CrmLead]:
        if self.ids is None:
            return account.leads.values()
        return [account.leads[lead_id] for lead_id in self.ids if lead_id in account.leads]


def lead_query(account: CrmAccount, params: QueryParams) -> LeadQuery:
    """Parse a query string.

    Raises:
        ApiProblem: A filter is unknown or malformed.
    """
    known_filters(params, _FILTERS)
    only_deleted = "only_deleted" in params.get("with", "").split(",")
    tests: list[Test] = [lambda lead: lead.is_deleted == only_deleted]
    for name in _SETS:
        tests.extend(membership(params, name))
    for name in _SPANS:
        tests.extend(within(params, name))
    tests.extend(_stages(params))
    tests.extend(_due(account, params))
    tests.extend(field_tests(params))
    if names := frozenset(texts(params, "filter[name]")):
        tests.append(lambda lead: lead.name in names)
    if words := params.get("query"):
        tests.append(lambda lead: words.casefold() in lead.name.casefold())
    order, descending = order_of(params, _ORDERS)
    return LeadQuery(numbers(params, "filter[id]"), tuple(tests), order, descending)


def _due(account: CrmAccount, params: QueryParams) -> Iterable[Test]:
    low, high = span(params, "filter[closest_task_at]")
    if low is not None or high is not None:
        due = account.closest_tasks("leads")
        yield (
            lambda lead: (
                lead.id in due
                and (low is None or due[lead.id] >= low)
                and (high is None or due[lead.id] <= high)
            )
        )


def _stages(params: QueryParams) -> Iterable[Test]:
    asked = groups(params, "filter[statuses]")
    if not asked:
        return
    if any(not {"pipeline_id", "status_id"} <= group.keys() for group in asked):
        raise ApiProblem(400, "filter[statuses] needs both pipeline_id and status_id")
    stages = frozenset(Stage(group["pipeline_id"], group["status_id"]) for group in asked)
    yield lambda lead: lead.stage in stages
