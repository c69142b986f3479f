"""Wide deeds, and the second person who agrees to them (S32)."""

from contracts.sentences import sentence
from services.access.wide_deeds import WideDeed
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.people.authority import require_fresh, scopes_where
from services.application.people.called import names_of_people
from services.application.refused import Refused


async def require_not_too_wide(
    access: Access, who: Whoever, account_id: int, *, what: str, leads: int, digest: bytes
) -> None:
    """See that a deed that moves many leads may pass; to be called before it is given.

    Some an hour pass in an account, whoever asks. More are held: somebody else who decides about
    people there agrees, then the same is asked again. At the machine itself nothing is held.

    Args:
        access: Where.
        who: Who asks.
        account_id: In which account.
        what: Which kind of deed, as `rules` or `handover`.
        leads: How many it moves.
        digest: Of the deed; asked again with the same one it is the same deed.

    Raises:
        Refused: They have to prove who they are, or it is held until somebody else agrees, or
            somebody said no to it within a day.
    """
    if not access.wide_deeds.is_wide(leads):
        return
    require_fresh(who)
    deed, is_new = await access.wide_deeds.ask(
        account_id,
        principal=who.id,
        what=what,
        leads=leads,
        digest=digest,
        is_exempt=who.rights.is_unbound and who.key is None,
    )
    if is_new:
        # Whoever decides there reads of either.
        await access.log.note(
            "wide_deed_held" if deed.passed_at is None else "wide_deed_passed",
            who.caller,
            account_id=account_id,
            about=_about(deed),
        )
    if deed.passed_at is not None:
        return
    if deed.refused_at is not None:
        by = str(deed.refused_by)
        name = (await names_of_people(access, [by])).get(by)
        told = name or sentence("console.rules.principal", by=by)
        raise Refused("wide_deed_refused", deed=deed.id, by=told)
    raise Refused("wide_deed_held", deed=deed.id, leads=leads)


async def held_deeds(access: Access, who: Whoever, account_id: int) -> list[WideDeed]:
    """Those that wait for somebody to agree.

    Raises:
        Refused: They may not see what is done there.
    """
    if "audit" not in scopes_where(who, account_id):
        raise Refused("not_allowed", scope="audit")
    return await access.wide_deeds.held(account_id)


async def agree(access: Access, who: Whoever, account_id: int, deed_id: int) -> WideDeed:
    """Agree to somebody else's deed: they may ask for it again, and it passes.

    Raises:
        Refused: They do not decide there, it is their own, it is not held any more, or they have
            to prove who they are.
    """
    deed = await _to_judge(access, who, account_id, deed_id)
    if await _person_of(access, deed.principal) == (who.person_id or who.id):
        raise Refused("wide_deed_own")
    if not await access.wide_deeds.approve(account_id, deed_id, by=who.id):
        raise Refused("wide_deed_unknown")
    await access.log.note(
        "wide_deed_approved", who.caller, account_id=account_id, about=_about(deed)
    )
    return deed


async def refuse(access: Access, who: Whoever, account_id: int, deed_id: int) -> WideDeed:
    """Say no to somebody else's deed, or take back one's own: within a day it passes no more.

    Raises:
        Refused: They do not decide there, it is not held any more, or they have to prove who they
            are.
    """
    deed = await _to_judge(access, who, account_id, deed_id)
    if not await access.wide_deeds.refuse(account_id, deed_id, by=who.id):
        raise Refused("wide_deed_unknown")
    await access.log.note(
        "wide_deed_refused", who.caller, account_id=account_id, about=_about(deed)
    )
    return deed


async def _to_judge(access: Access, who: Whoever, account_id: int, deed_id: int) -> WideDeed:
    if "access" not in scopes_where(who, account_id):
        raise Refused("not_allowed", scope="access")
    require_fresh(who)
    deed = await access.wide_deeds.get(account_id, deed_id)
    if deed is None:
        raise Refused("wide_deed_unknown")
    return deed


async def _person_of(access: Access, principal: str) -> int | str:
    """Who stands behind it: whoever made a key does not agree to what it asks."""
    kind, _, name = principal.partition(":")
    if kind == "person":
        return int(name)
    key = await access.keys.get(name) if kind == "key" else None
    return principal if key is None or key.person_id is None else key.person_id


def _about(deed: WideDeed) -> str:
    return f"{deed.id} {deed.what} {deed.leads} leads by {deed.principal}"
