"""Who changes something says which state of it they saw (A4): `If-Match`, or 428."""

import re
from typing import Annotated

from fastapi import Header

from services.web.problems import FieldError, HttpProblem

HEADER = "header.If-Match"
NUMBER_DIGITS_MAX = 9

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of what you saw; 412 if it is another one by now.",
        examples=['"7"'],
    ),
]


def tag_of(number: int) -> str:
    """The ETag of a state that has a number of its own: a revision of rules, an edition."""
    return f'"{number}"'


def number_in(if_match: str | None) -> int:
    """The number of the state that somebody saw.

    Raises:
        HttpProblem: They do not say, or name something that never was one.
    """
    if if_match is None:
        raise HttpProblem(
            "precondition-required",
            f"Send the ETag of what you saw: If-Match: {tag_of(7)}.",
            errors=[FieldError(pointer=HEADER, code="missing", detail="Expected an ETag.")],
        )
    found = re.fullmatch(rf'"([0-9]{{1,{NUMBER_DIGITS_MAX}}})"', if_match.strip())
    if found is None:
        raise HttpProblem(
            "precondition-failed",
            f"Expected one ETag as it was answered, such as {tag_of(7)}.",
            errors=[FieldError(pointer=HEADER, code="mismatch", detail="Expected an ETag.")],
        )
    return int(found[1])
