"""Rules in a body, as YAML or JSON, and what is wrong with them by JSON pointer."""

import re

import orjson
from fastapi import Request
from pydantic import Field

from services.application.rules import RulesRefused
from services.rules_file.lint import Remark, Severity, remark_of
from services.web.asked import media_type_of
from services.web.entries import JSON
from services.web.faults import say
from services.web.models import Output
from services.web.problems import FieldError, HttpProblem

PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {
                "schema": {"type": "string", "description": "The rules file."},
                "example": "version: 1\nrules: []\n",
            },
            JSON: {
                "schema": {"type": "object", "description": "The rules file, as JSON."},
                "example": {"version": 1, "rules": []},
            },
        },
    }
}


class RemarkItem(Output):
    """One thing to look at.

    Attributes:
        pointer: JSON pointer into the rules; empty for the whole.
        line: Of what was sent, from 1.
        severity: A problem keeps rules from being applied.
        code: What kind of remark, for programs.
        found: In words.
        advice: What to do; null where what was found says it.
    """

    pointer: str = Field(examples=["/rules/0/limit"])
    line: int = Field(ge=0, examples=[12])
    severity: Severity
    code: str = Field(examples=["remark.unknown_user"])
    found: str = Field(description="In words.", examples=["Nobody has this id."])
    advice: str | None


async def rules_in(request: Request) -> bytes:
    """The text of a body; what says that it is JSON is an object.

    Raises:
        HttpProblem: It is not, or there is none.
    """
    text = await request.body()
    if not text.strip():
        raise HttpProblem("unprocessable", "Expected the rules as the body.")
    if media_type_of(request) == JSON:
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise HttpProblem("body-not-json", "Expected a body in JSON, as UTF-8.") from error
        if not isinstance(found, dict):
            raise HttpProblem("unprocessable", "Expected the rules as an object.")
    return text


def remark_item(remark: Remark) -> RemarkItem:
    """A remark as it is told."""
    return RemarkItem(
        pointer=pointer_of(remark.field),
        line=remark.line,
        severity=remark.severity,
        code=remark.found.id,
        found=say(remark.found),
        advice=None if remark.advice is None else say(remark.advice),
    )


def unusable(refused: RulesRefused) -> HttpProblem:
    """Rules that cannot be put in force: each problem by its place."""
    told = [remark_of(each) for each in refused.problems]
    return HttpProblem(
        "rules-unusable",
        say(refused.sentence),
        status=422,
        errors=[
            FieldError(pointer=pointer_of(each.field), code=each.found.id, detail=say(each.found))
            for each in told
        ],
    )


def pointer_of(field: str) -> str:
    """`rules[0].limit` as `/rules/0/limit`."""
    parts = [index or name for index, name in PART.findall(field)]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
