"""Remarks of the linter as a terminal tells them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from contracts.sentences import Sentence, sentence

if TYPE_CHECKING:
    from services.application.rules import RulesRefused
    from services.rules_file.lint import Remark
    from services.words.catalogue import Words


def sentences_of(remark: "Remark") -> Iterator[Sentence]:
    """Where it is and what was found, then what to do."""
    severity = sentence(f"remark.severity.{remark.severity}")
    line, field, found = remark.line, remark.field, remark.found
    if field:
        yield sentence("remark.at_field", line=line, field=field, severity=severity, found=found)
    else:
        yield sentence("remark.at_line", line=line, severity=severity, found=found)
    if remark.advice is not None:
        yield remark.advice


def problems(spoken: "Words", refused: "RulesRefused") -> list[str]:
    """Why rules are refused, a line for each sentence."""
    from services.rules_file.lint import remark_of

    told = map(remark_of, refused.problems)
    return [line for remark in told for line in spoken.lines(sentences_of(remark))]
