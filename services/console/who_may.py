"""People, links, keys and what was done about them, as pages of Access show it (W4.14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.sentences import Sentence, sentence
from services.access.grants import Grant
from services.access.invitations import Invitation
from services.access.keys import AccessKey
from services.access.people import Person
from services.access.roles import ROLES, Role, Scope
from services.access.sessions import Session
from services.access.sign_in_log import SignInLine
from services.access.wide_deeds import WideDeed
from services.application.people.authority import may_decide, scopes_where
from services.console.moments import Moment, moment
from services.console.pauses import NamedChoice
from services.console.seeing import Seeing, SeeingAccount
from services.storage.access_log import AccessLine

ROLE_NAMES: Mapping[Role, Sentence] = {
    "manager": sentence("console.role.manager"),
    "viewer": sentence("console.role.viewer"),
    "supervisor": sentence("console.role.supervisor"),
    "administrator": sentence("console.role.administrator"),
    "operator": sentence("console.role.operator"),
}
SCOPE_NAMES: Mapping[Scope, Sentence] = {
    "self": sentence("console.scope.self"),
    "read": sentence("console.scope.read"),
    "explain": sentence("console.scope.explain"),
    "audit": sentence("console.scope.audit"),
    "activity": sentence("console.scope.activity"),
    "rules": sentence("console.scope.rules"),
    "ledger": sentence("console.scope.ledger"),
    "export": sentence("console.scope.export"),
    "access": sentence("console.scope.access"),
    "operate": sentence("console.scope.operate"),
}
HERE, EVERYWHERE = "here", "everywhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLine:
    """A role that somebody holds.

    Attributes:
        where: As a form says it: in this account, everywhere, or in another one, which is empty.
        text: The role, where it is held, and as whom in Kommo.
        may_take: Whoever looks may take it away from here.
    """

    role: Role
    where: str
    text: str
    may_take: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """Somebody who may something in the account."""

    id: int
    name: str
    login: str
    href: str
    roles: tuple[RoleLine, ...]
    is_disabled: bool
    is_self: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLine:
    """A link by which somebody joins, or comes back."""

    id: int
    name: str
    roles: str
    given_by: str
    given_at: Moment
    expires_at: Moment
    state: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """A key of a program; its text is never shown again.

    Attributes:
        prefix: By which a key that leaked is known.
        may_rotate: It is of whoever looks: its secret would let others be somebody else.
    """

    id: str
    prefix: str
    label: str
    scopes: str
    made_by: str
    last_used_at: Moment | None
    expires_at: Moment
    former_until: Moment | None
    state: str
    is_open: bool
    may_rotate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """A browser that is signed in."""

    id: int
    how: str
    whence: str
    agent: str
    begun_at: Moment
    seen_at: Moment
    is_this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """Something that somebody did, or looked at."""

    at: Moment
    principal: str
    who: str
    what: str
    about: str
    whence: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """A deed that waits for a second person."""

    id: int
    what: str
    leads: int
    asked_by: str
    asked_at: Moment
    is_own: bool


def role_name(who: Seeing, role: Role) -> str:
    """A role in words."""
    return who.words.say(ROLE_NAMES[role])


def roles_to_give(who: SeeingAccount) -> list[NamedChoice]:
    """The roles that they may give in the account, or everywhere."""
    account_id = who.account.account_id
    places = (account_id, None)
    return [
        NamedChoice(role, role_name(who, role))
        for role in ROLES
        if any(
            may_decide(who.caller, Grant(account_id=place, role=role))
            for place in places
            if (role == "operator") <= (place is None)
        )
    ]


def scopes_to_give(who: SeeingAccount) -> list[NamedChoice]:
    """What a key of theirs may have at most."""
    held = scopes_where(who.caller, who.account.account_id) - {"self"}
    return [
        NamedChoice(each, who.words.say(SCOPE_NAMES[each])) for each in SCOPE_NAMES if each in held
    ]


def person_line(who: SeeingAccount, person: Person) -> PersonLine:
    """Somebody as a line."""
    return PersonLine(
        id=person.id,
        name=person.name,
        login=person.login,
        href=f"{who.base}/access/people/{person.id}",
        roles=tuple(_role_line(who, each) for each in person.grants),
        is_disabled=person.disabled_at is not None,
        is_self=person.principal == who.caller.id,
    )


def _role_line(who: SeeingAccount, grant: Grant) -> RoleLine:
    here = {who.account.account_id: HERE, None: EVERYWHERE}.get(grant.account_id, "")
    return RoleLine(
        role=grant.role,
        where=here,
        text=grant_text(who, grant),
        may_take=bool(here) and may_decide(who.caller, grant),
    )


def grant_text(who: SeeingAccount, grant: Grant) -> str:
    """A role, where it is not simply of this account, and who it makes them in Kommo."""
    role = role_name(who, grant.role)
    if grant.role == "operator":
        return role
    if grant.account_id is None:
        return who.words.say(sentence("console.role.everywhere", role=role))
    if grant.account_id != who.account.account_id:
        return who.words.say(sentence("console.role.in", role=role, account=grant.account_id))
    if grant.manager_id is not None:
        return who.words.say(sentence("console.role.as", role=role, manager=grant.manager_id))
    return role


def invitation_line(
    who: SeeingAccount, link: Invitation, names: Mapping[str, str]
) -> InvitationLine:
    """A link as a line."""
    is_open = link.is_open(who.now)
    return InvitationLine(
        id=link.id,
        name=link.name,
        roles=", ".join(grant_text(who, each) for each in link.grants),
        given_by=names.get(link.given_by, link.given_by),
        given_at=moment(who, link.given_at),
        expires_at=moment(who, link.expires_at),
        state=who.words.say(_state_of(link, is_open=is_open)),
        is_open=is_open,
    )


def _state_of(link: Invitation, *, is_open: bool) -> Sentence:
    if is_open:
        return sentence("console.link.open")
    if link.used_at is not None:
        return sentence("console.link.used")
    if link.revoked_at is not None:
        return sentence("console.link.withdrawn")
    return sentence("console.link.over")


def key_line(who: SeeingAccount, key: AccessKey, names: Mapping[str, str]) -> KeyLine:
    """A key as a line."""
    is_open = key.revoked_at is None and key.expires_at > who.now
    state = sentence("console.key.valid")
    if key.revoked_at is not None:
        state = sentence(
            "console.key.revoked", by=names.get(key.revoked_by or "", key.revoked_by or "")
        )
    elif not is_open:
        state = sentence("console.key.over")
    return KeyLine(
        id=key.id,
        prefix=f"fl_{key.id}_",
        label=key.label,
        scopes=", ".join(sorted(key.scopes)),
        made_by=names.get(key.made_by, key.made_by),
        last_used_at=None if key.last_used_at is None else moment(who, key.last_used_at),
        expires_at=moment(who, key.expires_at),
        former_until=None if key.former_until is None else moment(who, key.former_until),
        state=who.words.say(state),
        is_open=is_open,
        may_rotate=is_open and key.person_id == who.caller.person_id,
    )


def session_line(who: Seeing, session: Session) -> SessionLine:
    """A browser as a line."""
    present = who.caller.session
    return SessionLine(
        id=session.id,
        how=session.how,
        whence=session.whence,
        agent=session.agent,
        begun_at=moment(who, session.begun_at),
        seen_at=moment(who, session.seen_at),
        is_this=present is not None and present.session.id == session.id,
    )


def deed_line(who: Seeing, line: SignInLine, names: Mapping[str, str]) -> LogLine:
    """Something that was done about who may."""
    about = [names.get(f"person:{line.person_id}", f"person:{line.person_id}")]
    if line.person_id is None or f"person:{line.person_id}" == line.principal:
        about = []
    return LogLine(
        at=moment(who, line.at),
        principal=line.principal,
        who=names.get(line.principal, line.principal),
        what=who.words.say(sentence(f"console.deed.{line.what}")),
        about=" · ".join([*about, *([line.about] if line.about else [])]),
        whence=line.whence,
        request_id=line.request_id,
    )


def look_line(who: SeeingAccount, line: AccessLine, names: Mapping[str, str]) -> LogLine:
    """Something that was looked at."""
    return LogLine(
        at=moment(who, line.at),
        principal=line.principal,
        who=names.get(line.principal, line.principal),
        what=who.words.say(sentence(f"access.what.{line.what}")),
        about=", ".join(map(str, line.ids)),
        whence=line.whence,
        request_id=line.request_id,
    )


def held_line(who: SeeingAccount, deed: WideDeed, names: Mapping[str, str]) -> HeldLine:
    """A held deed as a line."""
    return HeldLine(
        id=deed.id,
        what=deed.what,
        leads=deed.leads,
        asked_by=names.get(deed.principal, deed.principal),
        asked_at=moment(who, deed.asked_at),
        is_own=deed.principal == who.caller.id,
    )


def names_of(people: Sequence[Person]) -> dict[str, str]:
    """What principals are called."""
    return {each.principal: each.name for each in people}
