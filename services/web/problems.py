"""How a no is told over HTTP: RFC 9457, by code, never with what was sent (A6, S19).

A code has a page, `/problems/{code}`, that says what to do. Codes of `services.application` are
told under their own names with hyphens; those here are of HTTP itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.application.refused import Refused

PROBLEM_JSON = "application/problem+json"

HttpCode = Literal[
    "bad-request",
    "behind",
    "body-not-json",
    "body-too-large",
    "cursor-mismatch",
    "expired",
    "format-unavailable",
    "idempotency-key-missing",
    "internal",
    "key-in-query",
    "media-type-unsupported",
    "method-not-allowed",
    "not-acceptable",
    "not-allowed",
    "not-found",
    "not-set-up",
    "outcome-unknown",
    "precondition-failed",
    "precondition-required",
    "rate-limited",
    "too-broad",
    "too-many-jobs",
    "too-many-streams",
    "unauthenticated",
    "unavailable",
    "unprocessable",
]
STATUS: Mapping[HttpCode, int] = {
    "bad-request": 400,
    "behind": 503,
    "body-not-json": 400,
    "body-too-large": 413,
    "cursor-mismatch": 400,
    "expired": 404,
    "format-unavailable": 422,
    "idempotency-key-missing": 400,
    "internal": 500,
    "key-in-query": 400,
    "media-type-unsupported": 415,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "not-allowed": 403,
    "not-found": 404,
    "not-set-up": 503,
    "outcome-unknown": 503,
    "precondition-failed": 412,
    "precondition-required": 428,
    "rate-limited": 429,
    "too-broad": 503,
    "too-many-jobs": 429,
    "too-many-streams": 429,
    "unauthenticated": 401,
    "unavailable": 503,
    "unprocessable": 422,
}
# What is understood and refused is 409, but for these.
REFUSED_OTHERWISE: Mapping[str, int] = {
    "not_allowed": 403,
    # Nothing of that name, or nothing that they may see: nobody can tell which.
    "account_not_connected": 404,
    "decision_unknown": 404,
    "lead_unknown": 404,
    "draft_unknown": 404,
    "job_unknown": 404,
    "letter_unknown": 404,
    "manager_unknown": 404,
    "no_account": 404,
    "no_movement": 404,
    "no_movement_in_ledger": 404,
    "no_rules": 404,
    "no_such_decision": 404,
    "no_such_event": 404,
    "nothing_decided": 404,
    "operation_unknown": 404,
    "partition_unknown": 404,
    "projection_unknown": 404,
    "request_unknown": 404,
    "revision_unknown": 404,
    "rule_never_gave": 404,
    "rule_unknown": 404,
    "schedule_unknown": 404,
    "invitation_unknown": 404,
    "key_unknown": 404,
    "person_unknown": 404,
    "target_unknown": 404,
    "delivery_unknown": 404,
    "wide_deed_unknown": 404,
    # What was sent is not what it may be.
    "day_not_a_date": 422,
    "event_beyond_the_last": 422,
    "format_unavailable": 422,
    "from_not_a_time": 422,
    "key_reused": 422,
    "key_unusable": 400,
    "leads_not_a_number": 422,
    "leads_or_stage": 422,
    "leads_out_of_bounds": 422,
    "leads_too_fine": 422,
    "not_a_moment": 422,
    "reason_missing": 422,
    "reason_not_text": 422,
    "reason_too_long": 422,
    "span_empty": 422,
    "span_too_long": 422,
    "stage_not_ids": 422,
    "hours_unreadable": 422,
    "to_not_a_time": 422,
    "until_not_a_time": 422,
    "until_past": 422,
    "until_too_far": 422,
    "grants_out_of_bounds": 422,
    "manager_missing": 422,
    "name_unusable": 422,
    "role_of_installation": 422,
    "draft_name_unusable": 422,
    "draft_text_unusable": 422,
    "rules_unusable": 422,
    "too_many_jobs": 429,
    # Somebody else was faster.
    "draft_moved": 412,
    "revision_moved": 412,
}


class FieldError(BaseModel):
    """What is wrong with one field.

    Attributes:
        pointer: JSON pointer into the body, `/until`, or `query.limit`, `header.If-Match`.
        code: What kind of wrong, for programs.
        detail: What was expected, for people; never what was sent.
    """

    pointer: str = Field(examples=["/until"])
    code: str = Field(examples=["missing"])
    detail: str = Field(examples=["Field required"])


class ProblemBody(BaseModel):
    """What every answer that is not what was asked for looks like (RFC 9457).

    Attributes:
        type: A page that says what to do, by code.
        title: The code in words, the same for every occurrence.
        status: As the answer's.
        detail: What happened this time.
        request_id: Under which our logs have it.
        errors: By field, if it is about fields.
    """

    type: str = Field(examples=["/problems/not-allowed"])
    title: str = Field(examples=["Not allowed"])
    status: int = Field(ge=400, le=599, examples=[403])
    detail: str = Field(examples=["Not allowed."])
    request_id: str = Field(examples=["req-5f0c7a3e9b1d4c26"])
    errors: list[FieldError]


@dataclass
class HttpProblem(Exception):
    """An answer that is not what was asked for.

    Attributes:
        code: With hyphens; its page is `/problems/{code}`.
        detail: What happened this time, in words; the title if empty.
        headers: That belong to it, such as `Retry-After`.
    """

    code: str
    detail: str = ""
    status: int = 0
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the status of the code where none is given."""
        super().__init__(self.code)
        if not self.status:
            self.status = STATUS[self.code]  # type: ignore[index] # a KeyError is a bug

    def body(self, request_id: str) -> dict[str, Any]:
        """As it is sent."""
        return ProblemBody(
            type=f"/problems/{self.code}",
            title=title_of(self.code),
            status=self.status,
            detail=self.detail or f"{title_of(self.code)}.",
            request_id=request_id,
            errors=list(self.errors),
        ).model_dump(mode="json")


def title_of(code: str) -> str:
    """The code as a title: `key-reused` is `Key reused`."""
    return code.replace("-", " ").capitalize()


def of_refused(refused: Refused, detail: str, pointer: str = "") -> HttpProblem:
    """A no of the application, with its sentence in words, and the field that it is about."""
    code, status = refused.code.replace("_", "-"), REFUSED_OTHERWISE.get(refused.code, 409)
    headers = {"Idempotency-Replayed": "true"} if refused.is_replayed else {}
    if refused.code == "key_under_way":
        headers["Retry-After"] = "1"
    return HttpProblem(
        code,
        # Of what is not there nothing is told that was asked: all such answers are the same.
        "" if status == STATUS["not-found"] else detail,
        errors=[FieldError(pointer=pointer, code=code, detail=detail)] if pointer else (),
        status=status,
        headers=headers,
    )
