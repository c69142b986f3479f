"""Refusals of before there were codes: one English sentence each, read as the code it meant.

The sentences are stored data, and never change.
"""

import re
from typing import Any, get_args

from contracts.events import RefusalCode

SENTENCES: tuple[tuple[RefusalCode, str], ...] = (
    ("rules_unusable", r"(?P<field>.*?): .* \((?P<count>\d+) problem\(s\) in all\)"),
    ("until_past", r"until: must be in the future, got (?P<until>.*)"),
    ("activity_off", r"the rules have switched activity off: nobody is paused .*"),
    ("administrators_only", r"the rules let only administrators pause and resume .*"),
    (
        "not_an_active_user",
        r"manager: (?P<manager>-?\d+) is not an active user of the account",
    ),
    ("paused_by_administrator", r"an administrator has paused this manager already"),
    ("pause_not_yours", r"only an administrator can lift an administrator's pause"),
    ("ledger_unknown", r"ledger: no rule shares its leads by ['\"](?P<ledger>.*)['\"]"),
    ("in_no_rule", r"manager: (?P<manager>-?\d+) takes part in no rule"),
    (
        "not_in_ledger",
        r"manager: (?P<manager>-?\d+) takes part in no rule of ledger ['\"](?P<ledger>.*)['\"]",
    ),
    ("correction_out_of_bounds", r"leads: must be between -1000 and 1000, and not 0"),
    ("nobody_bears_it", r"nobody else takes part who could bear the correction"),
    ("too_many_leads", r"leads: at most (?P<limit>\d+) in one order, got (?P<leads>\d+)"),
    ("rule_unknown", r"rule: there is no rule ['\"](?P<rule>.*)['\"] in force"),
    (
        "still_at_work",
        r"manager: (?P<manager>-?\d+) is neither paused nor absent, and would get leads back",
    ),
    ("transfer_under_way", r"(?P<kind>\w+) (?P<entity>\d+) is just being handed over"),
    ("distribution_under_way", r"lead (?P<lead>\d+) is just being distributed"),
)
CODES = get_args(RefusalCode)
NUMBERS = {"count", "entity", "lead", "leads", "limit", "manager"}
_PATTERNS = tuple((code, re.compile(pattern, re.DOTALL)) for code, pattern in SENTENCES)


def as_code(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a `command.refused` with a code for its reason, whenever it was written.

    A code of a newer release is words to this one, too: it has no sentence for it (F80).
    """
    words = data.get("reason")
    if not isinstance(words, str) or words in CODES:
        return data
    for code, pattern in _PATTERNS:
        if found := pattern.fullmatch(words):
            arguments = {
                name: int(text) if name in NUMBERS else text
                for name, text in found.groupdict().items()
            }
            return data | {"reason": code, "arguments": arguments}
    return data | {"reason": "in_words", "arguments": {"words": words}}
