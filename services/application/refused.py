"""No: what was asked for is understood, and is not done; a code and arguments, never words."""

from typing import Literal

from contracts.events import CommandRefused, RefusalCode
from contracts.sentences import Argument, Sentence
from domain.explain.refusals import refusal
from services.application.people.refusals import AccessCode

# What an account itself refuses is the domain's, `RefusalCode`; here is what never gets there.
OwnCode = Literal[
    # Who asks, and about which account.
    "not_allowed",  # the principal lacks the scope
    "no_account",  # none is connected
    "account_not_connected",  # none of that id
    "several_accounts",  # one has to be named
    "token_unreadable",  # of the account: the master key is another one
    # Commands that may be repeated.
    "key_unusable",
    "key_reused",  # for something else
    "key_under_way",  # given a moment ago, and not answered yet
    "operation_unknown",
    # What was typed.
    "until_not_a_time",
    "until_too_far",  # no zone could hold it
    "reason_missing",
    "reason_not_text",
    "reason_too_long",
    "leads_not_a_number",
    "leads_out_of_bounds",
    "leads_too_fine",  # less than a credit unit
    "stage_not_ids",
    "hours_unreadable",
    "time_zone_unknown",  # the account's, on this machine
    "from_not_a_time",
    "to_not_a_time",
    "day_not_a_date",
    "span_too_long",
    "span_empty",  # its end is not after its start
    # Connecting an account.
    "address_not_an_accounts",
    "public_url_not_usable",
    "nothing_receives",  # no public address is named, and nothing runs here
    "token_not_valid",
    "token_lacks_rights",
    "account_unpaid",
    "no_such_account",  # at that address
    "another_account",  # than the one that was named
    "account_disconnected",  # by somebody here
    "account_suspended",  # it lets us in no more, of its own will
    "client_id_unusable",
    "client_secret_unusable",
    "client_secret_unreadable",  # the master key is another one
    "redirect_unusable",
    "integration_unknown",
    "integration_in_use",
    "consent_state",  # they did not leave from here, or not lately
    "consent_denied",
    "code_refused",
    "signature_wrong",
    "webhooks_forgotten",  # by Kommo: they need another address
    "first_rule_nobody",
    "hours_unusable",
    "kommo_refused",
    "kommo_busy",
    "kommo_away",
    # Rules.
    "no_rules",  # none were ever applied
    "rule_of_file",  # and not of a trigger
    "draft_unknown",
    "draft_moved",  # somebody else changed it
    "draft_name_unusable",
    "draft_text_unusable",
    "too_many_drafts",
    # Orders.
    "leads_or_stage",  # nothing, or more than one
    "no_unassigned_leads",
    "no_leads_in_stage",
    "no_open_leads",  # of the manager
    "confirmation_missing",  # it moves many leads
    "confirmation_differs",  # it is about more or fewer by now
    # What is asked for by its name.
    "no_such_decision",
    "request_unknown",
    "lead_unknown",  # nothing was ever heard of it
    "manager_unknown",
    "rule_unknown",
    "revision_unknown",
    "schedule_unknown",
    "schedule_taken",
    "entry_gone",  # of a list that somebody changed meanwhile
    # Explanations.
    "nothing_decided",
    "no_such_event",  # of the lead
    "rule_never_gave",  # anything to anybody
    # Proofs.
    "chain_broken",
    # What-if.
    "no_requests_then",
    # Jobs.
    "job_unknown",
    "job_over",  # nothing to cancel
    "job_not_over",  # no result yet
    "job_over_without_result",
    "too_many_jobs",
    "job_result_too_large",
    "format_unavailable",  # on this machine
    "kommo_not_asked_here",  # whoever serves people has no tokens (S18)
    # Audits.
    "event_beyond_the_last",
    "not_a_moment",  # neither a time nor a version
    "file_no_bundle",
    "bundle_of_newer_release",
    "bundle_cut_short",
    "bundle_altered",
    "bundle_too_large",  # when unpacked
    "bundle_of_another_key",
    # Undo.
    "never_assigned",
    "decision_unknown",
    "nothing_to_put_back",
    # Dead letters.
    "letter_unknown",
    "letter_of_no_account",  # it can only be dropped
    "letter_not_whole",  # the same
    "letter_not_understood",  # still
    "letter_replayed",  # before
    "letter_dropped",  # before
    # Partitions that lost messages.
    "not_on_kafka",
    "partition_unknown",
    "partition_not_stopped",
    "partition_moved",  # since somebody looked
    "offset_not_a_number",
    "offset_not_held",  # by the log
    # The installation.
    "projection_unknown",
    "projection_busy",  # another process makes it
    "projection_unchanged",
    "topic_refused",
    # Webhooks out.
    "target_name_unusable",
    "target_name_taken",
    "too_many_targets",
    "target_unknown",
    "target_address",  # is none that may be told anything
    "target_event_unknown",
    "delivery_unknown",
    "nothing_to_redeliver",
    # Statements.
    "no_movement",  # of the manager, in any ledger
    "no_movement_in_ledger",
    "too_many_movements",  # for one file
]
Code = OwnCode | AccessCode


class Refused(Exception):
    """A use case ends here, and nothing was changed.

    Attributes:
        code: What forbids it, `no_account`; its sentence is `refused.no_account`.
        sentence: The code and its arguments, to be put into words for whoever asked.
        is_replayed: It is the answer to a command that was given before under the same key.
    """

    def __init__(self, code: Code | RefusalCode, /, **arguments: Argument) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = Sentence(f"refused.{code}", arguments)
        self.is_replayed = False

    @classmethod
    def of(cls, event: CommandRefused) -> "Refused":
        """The account's own answer."""
        refused = cls(event.reason)
        refused.sentence = refusal(event)
        return refused
