"""Whether people may be paused, and whether by themselves: switched in the widget (D9.1)."""

from contracts.inbound import ApplyRules
from contracts.rules import ActivitySection
from domain.state import Account
from services.application.commands import Answer, Once, give
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount

NO_RULES = {"version": 1, "rules": []}


async def switch_activity(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    state: Account,
    wanted: ActivitySection,
    *,
    once: Once,
) -> Answer:
    """Have the rules in force say so, and nothing else another way.

    Raises:
        services.application.refused.Refused: They may not, or somebody applied other rules
            meanwhile.
    """
    principal.require("rules")
    data = wanted.model_dump(mode="json")
    rules = {**(state.rules_data or NO_RULES), "activity": data}
    body = ApplyRules(rules=rules, by=principal.id, base_revision=state.revision)
    asked = {"command": "switch_activity", **data}
    return await give(installation, account.account_id, principal, [body], once, asked=asked)
