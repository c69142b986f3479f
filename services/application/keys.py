"""The last but one step of giving the installation another master key (S17)."""

from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.consents import Consents
from services.storage.integrations import Integrations
from services.storage.signing import SigningKeys
from services.storage.webhook_targets import WebhookTargets
from services.storage.widget_rules import WidgetRules


async def reseal(installation: Installation, principal: Principal) -> int:
    """Seal every secret with the newest master key; how many were not.

    Tokens, dead letters, the signing key, names and logins of people, their apps, and
    secrets of webhooks, integrations and triggers.

    Raises:
        Refused: They may not.
        services.shared.secrets.Unsealable: A token is sealed with a key that is not given; the
            tokens before it are sealed anew.
    """
    principal.require("operate")
    tokens = await installation.accounts.reseal()
    keys = await SigningKeys(installation.pool, installation.accounts.vault).reseal()
    who_may = installation.who_may()
    people = [
        await sealed.reseal()
        for sealed in (
            who_may.digests,
            who_may.people,
            who_may.invitations,
            who_may.codes,
            who_may.passkeys,
        )
    ]
    consents = await Consents(installation.pool, installation.accounts.vault).reseal()
    integrations = await Integrations(installation.pool, installation.accounts.vault).reseal()
    webhooks = await WebhookTargets(installation.pool, installation.accounts.vault).reseal()
    triggers = await WidgetRules(installation.pool, installation.accounts.vault).reseal()
    return (
        tokens
        + consents
        + integrations
        + keys
        + sum(people)
        + webhooks
        + triggers
        + await installation.dead_letters.reseal()
    )
