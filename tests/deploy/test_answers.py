"""The page of audits prints what its commands print now, of the demo's week."""

import pytest

from deploy.docs.week import BEGIN, END, PAGE, Failed, printed

pytestmark = pytest.mark.server


def test_S23_five_questions_are_answered_from_the_command_line_alone() -> None:
    page = PAGE.read_text(encoding="utf-8")

    again = printed(page)

    assert again == page, "make answers"
    assert "Event 1200 was altered" in page
    assert "Everything is as it was recorded." in page


@pytest.mark.parametrize("page", ["no marks", f"{BEGIN} no end", f"{BEGIN}\n```text\n```\n{END}"])
def test_a_page_that_asks_nothing_is_refused(page: str) -> None:
    with pytest.raises(Failed):
        printed(page)
