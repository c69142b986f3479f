"""A refusal at a terminal: which option it is about, what it says, and which command helps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.application.refused import Refused
    from services.words.catalogue import Words

# By code; the sentences themselves know of no command line.
OPTIONS: Mapping[str, str] = {
    "address_not_an_accounts": "ADDRESS",
    "confirmation_differs": "--confirm",
    "confirmation_missing": "--confirm",
    "day_not_a_date": "--day",
    "decision_unknown": "--decision",
    "from_not_a_time": "--from",
    "grant_not_held": "--role",
    "key_beyond_maker": "--scope",
    "key_days_out_of_bounds": "--days",
    "key_reused": "--key",
    "key_unusable": "--key",
    "label_unusable": "LABEL",
    "leads_not_a_number": "LEADS",
    "leads_out_of_bounds": "LEADS",
    "leads_too_fine": "LEADS",
    "ledger_unknown": "--ledger",
    "manager_missing": "--manager",
    "name_unusable": "NAME",
    "no_leads_in_stage": "--stage",
    "no_movement_in_ledger": "--ledger",
    "no_such_event": "--decision",
    "not_in_ledger": "--ledger",
    "offset_not_a_number": "--at",
    "offset_not_held": "--at",
    "person_unknown": "PERSON",
    "public_url_not_usable": "--public-url",
    "target_address": "--url",
    "target_event_unknown": "--event",
    "delivery_unknown": "--id",
    "target_name_unusable": "NAME",
    "target_name_taken": "NAME",
    "target_unknown": "NAME",
    "reason_missing": "--reason",
    "reason_not_text": "--reason",
    "reason_too_long": "--reason",
    "revision_moved": "--base",
    "role_of_installation": "--account",
    "rule_never_gave": "--rule",
    "rule_unknown": "--rule",
    "scopes_unknown": "--scope",
    "span_empty": "--to",
    "span_too_long": "--from",
    "stage_not_ids": "--stage",
    "to_not_a_time": "--to",
    "until_not_a_time": "--until",
    "until_past": "--until",
    "until_too_far": "--until",
}
HELPFUL: Mapping[str, str] = {
    "account_not_connected": "fairlead doctor",
    "grant_not_held": "fairlead access list",
    "invitation_over": "fairlead access list",
    "invitation_unknown": "fairlead access list",
    "key_not_valid": "fairlead access keys list",
    "key_unknown": "fairlead access keys list",
    "leads_or_stage": "fairlead distribute --help",
    "letter_unknown": "fairlead dead list",
    "no_account": "fairlead connect --help",
    "no_rules": "fairlead rules apply --help",
    "nothing_receives": "fairlead connect --help",
    "partition_moved": "fairlead gaps list",
    "person_unknown": "fairlead access list",
    "revision_moved": "fairlead rules show",
    "rule_never_gave": "fairlead rules show",
    "rule_unknown": "fairlead rules show",
    "several_accounts": "--account ID",
    "token_unreadable": "fairlead connect --help",
    "too_many_movements": "fairlead statement --help",
}


def refusal(refused: "Refused", words: "Words") -> list[str]:
    """Its lines."""
    option = OPTIONS.get(refused.code)
    command = HELPFUL.get(refused.code)
    text = words.say(refused.sentence)
    lines = [f"{option}: {text}" if option is not None else text]
    if command is not None:
        lines.append(f"See: {command}")
    return lines
