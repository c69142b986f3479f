"""What the checker reads in a log, held against what the projections make of it."""

from services.history.books import Books
from tests.projections.kit import NEW, opened, prepared, reading, recorded


def test_F84_a_request_whose_conditions_are_not_met_is_of_no_rule() -> None:
    books = Books()
    waited = [opened(1, rule_id="new"), reading(1), prepared(1, rule_id=None)]
    for each in recorded(*waited):
        books.enter(each)

    book = books.requests["1.1"]
    assert (book.rule_id, book.stage, book.state) == (None, NEW, "undecided")
