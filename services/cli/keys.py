"""`fairlead reseal`: the last but one step of giving the installation another master key."""

from services.cli.installation import Installation


async def reseal(installation: Installation) -> str:
    """Seal every token with the newest master key; what to tell the person.

    Raises:
        services.secrets.Unsealable: A token is sealed with a key that is not given; the tokens
            before it are sealed anew.
    """
    count = await installation.accounts.reseal()
    if not count:
        return "Every token is sealed with the newest master key."
    return f"Sealed with the newest master key now: {count} token(s)."
