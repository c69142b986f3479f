"""Which scope a route wants (A9.2, S8): the one table, from which the tests are made.

A route without an entry, or an entry without a route, fails the start of the role and its test.
`services.application` looks again, for this and for what only it can know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.access.roles import Scope
from services.application.principal import Principal

# account: in the path, and a grant in it is needed. installation: the scope in the installation.
# anybody: whoever has shown who they are.
About = Literal["account", "installation", "anybody"]
JSON, YAML = "application/json", "application/yaml"


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """Who may ask for a route.

    Attributes:
        scope: That it wants; None where being somebody is enough.
        about: What it is about.
        is_own_enough: Whether `self` is enough where it is about themselves; the application looks
            whether it is.
        takes: Kinds of body (S10).
    """

    scope: Scope | None
    about: About = "account"
    is_own_enough: bool = False
    takes: tuple[str, ...] = (JSON,)

    def admits(self, principal: Principal) -> bool:
        """Whether they may ask at all."""
        if self.scope is None or principal.may(self.scope):
            return True
        return self.is_own_enough and principal.may("self")


ROUTES: Mapping[str, RouteEntry] = {
    "get_me": RouteEntry(None, "anybody"),
    "list_accounts": RouteEntry(None, "anybody"),
    "get_account": RouteEntry("read"),
    # what happens
    "list_events": RouteEntry("read"),
    "follow_feed": RouteEntry("read"),
    # commands
    "get_operation": RouteEntry(None),
    "pause_manager": RouteEntry("activity", is_own_enough=True),
    "resume_manager": RouteEntry("activity", is_own_enough=True),
    "distribute_leads": RouteEntry("activity"),
    "hand_over_leads": RouteEntry("activity"),
    "correct_credit": RouteEntry("ledger"),
    "undo_decision": RouteEntry("activity"),
    "take_lead": RouteEntry("activity", is_own_enough=True),
    "pass_lead_on": RouteEntry("activity", is_own_enough=True),
    # what is read
    "get_lead": RouteEntry("read"),
    "list_managers": RouteEntry("read"),
    "get_manager": RouteEntry("read", is_own_enough=True),
    "list_manager_shifts": RouteEntry("read", is_own_enough=True),
    "list_statement": RouteEntry("read", is_own_enough=True),
    "explain_manager": RouteEntry("read", is_own_enough=True),
    "list_schedule_shifts": RouteEntry("read"),
    "list_coverage": RouteEntry("read"),
    "list_duty": RouteEntry("read"),
    "get_fairness": RouteEntry("read"),
    "list_loads": RouteEntry("read"),
    "list_tallies": RouteEntry("read"),
    "get_proof": RouteEntry("audit"),
    "get_rules": RouteEntry("read"),
    "list_rules_revisions": RouteEntry("read"),
    "get_rules_revision": RouteEntry("read"),
    "compare_rules_revisions": RouteEntry("read"),
    "get_state": RouteEntry("audit"),
    "list_access": RouteEntry("access"),
    "get_installation_health": RouteEntry("operate", "installation"),
    "list_installation_access": RouteEntry("operate", "installation"),
    "list_dead_letters": RouteEntry("operate", "installation"),
    "get_dead_letter": RouteEntry("operate", "installation"),
    "list_projections": RouteEntry("operate", "installation"),
    "list_gaps": RouteEntry("operate", "installation"),
    "list_sources": RouteEntry("operate", "installation"),
    "list_dead_letter_reasons": RouteEntry("operate", "installation"),
    "retry_dead_letter": RouteEntry("operate", "installation"),
    "drop_dead_letter": RouteEntry("operate", "installation"),
    "retry_dead_letters": RouteEntry("operate", "installation"),
    "drop_dead_letters": RouteEntry("operate", "installation"),
    "rebuild_projection": RouteEntry("operate", "installation"),
    "resume_partition": RouteEntry("operate", "installation"),
    "list_decisions": RouteEntry("read"),
    "get_decision": RouteEntry("explain"),
    "list_requests": RouteEntry("read"),
    "get_request": RouteEntry("read"),
    "put_rules": RouteEntry("rules", takes=(JSON, YAML)),
    "check_rules": RouteEntry("rules", takes=(JSON, YAML)),
    "list_rules_drafts": RouteEntry("rules"),
    "make_rules_draft": RouteEntry("rules"),
    "get_rules_draft": RouteEntry("rules"),
    "change_rules_draft": RouteEntry("rules"),
    "drop_rules_draft": RouteEntry("rules"),
    "apply_rules_draft": RouteEntry("rules"),
    # What a kind wants besides, the application knows.
    "list_jobs": RouteEntry("read"),
    "start_job": RouteEntry("read"),
    "get_job": RouteEntry("read"),
    "cancel_job": RouteEntry("read"),
    "get_job_result": RouteEntry("read"),
    # who may
    "list_people": RouteEntry("access"),
    "grant_role": RouteEntry("access"),
    "revoke_role": RouteEntry("access"),
    "list_invitations": RouteEntry("access"),
    "invite": RouteEntry("access"),
    "withdraw_invitation": RouteEntry("access"),
    "list_keys": RouteEntry("access"),
    "make_key": RouteEntry("access"),
    # Of its own key, whoever may anything; the application looks whose it is.
    "rotate_key": RouteEntry(None),
    "revoke_key": RouteEntry(None),
    "list_held_deeds": RouteEntry("audit"),
    "agree_to_deed": RouteEntry("access"),
    "refuse_deed": RouteEntry("access"),
    # who is told
    "list_webhooks": RouteEntry("access"),
    "add_webhook": RouteEntry("access"),
    "remove_webhook": RouteEntry("access"),
    "rotate_webhook": RouteEntry("access"),
    "ping_webhook": RouteEntry("access"),
    "list_deliveries": RouteEntry("access"),
    "get_delivery": RouteEntry("access"),
    "redeliver_webhook": RouteEntry("access"),
    "erase_person": RouteEntry("access"),
    "list_erasures": RouteEntry("audit"),
    "export_person": RouteEntry("export"),
}
