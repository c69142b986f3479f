"""The screens, as somebody may see them (W3.2): a screen is one line in its group here."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.sentences import Sentence, sentence
from services.access.roles import Scope
from services.application.principal import Principal
from services.console.seeing import Seeing, SeeingAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One screen.

    Attributes:
        name: By which a page says that it is this one.
        path: Below the account, or of the whole site if it is about the installation.
        key: The letter after `g` that goes there.
        scopes: Any of these lets somebody see it; none of them is needed for one's own.
        is_own: It is about whoever looks, as a manager.
        is_of_several: Whoever may see several accounts sees it, too.
    """

    name: str
    title: Sentence
    path: str
    key: str
    scopes: tuple[Scope, ...] = ()
    is_own: bool = False
    is_of_several: bool = False

    def is_for(self, principal: Principal, *, has_several: bool) -> bool:
        """Whether it is offered to somebody: nothing is that ends in a no."""
        if self.is_of_several and has_several:
            return True
        if self.is_own:
            return principal.manager_id is not None
        return any(map(principal.may, self.scopes))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenGroup:
    """Screens that belong together, as the navigation lists them."""

    title: Sentence
    screens: tuple[Screen, ...]


DAILY = ScreenGroup(
    title=sentence("console.group.daily"),
    screens=(
        Screen(
            name="today",
            title=sentence("console.screen.today"),
            path="",
            key="t",
            scopes=("read",),
        ),
        Screen(
            name="leads",
            title=sentence("console.screen.leads"),
            path="/leads",
            key="l",
            scopes=("explain",),
        ),
        Screen(
            name="waiting",
            title=sentence("console.screen.waiting"),
            path="/waiting",
            key="w",
            scopes=("read",),
        ),
        Screen(
            name="me",
            title=sentence("console.screen.me"),
            path="/me",
            key="m",
            is_own=True,
        ),
    ),
)
PLANNING = ScreenGroup(
    title=sentence("console.group.planning"),
    screens=(
        Screen(
            name="rules",
            title=sentence("console.screen.rules"),
            path="/rules",
            key="r",
            scopes=("read",),
        ),
        Screen(
            name="schedules",
            title=sentence("console.screen.schedules"),
            path="/schedules",
            key="s",
            scopes=("read",),
        ),
    ),
)
TRUST = ScreenGroup(
    title=sentence("console.group.trust"),
    screens=(
        Screen(
            name="fairness",
            title=sentence("console.screen.fairness"),
            path="/fairness",
            key="f",
            scopes=("read",),
        ),
        Screen(
            name="audit",
            title=sentence("console.screen.audit"),
            path="/audit",
            key="a",
            scopes=("audit",),
        ),
        Screen(
            name="proof",
            title=sentence("console.screen.proof"),
            path="/proof",
            key="v",
            scopes=("audit",),
        ),
        Screen(
            name="shadow",
            title=sentence("console.screen.shadow"),
            path="/shadow",
            key="h",
            scopes=("audit",),
        ),
    ),
)
ACCOUNT = ScreenGroup(
    title=sentence("console.group.account"),
    screens=(
        Screen(
            name="connection",
            title=sentence("console.screen.connection"),
            path="/connection",
            key="c",
            scopes=("read",),
        ),
        Screen(
            name="access",
            title=sentence("console.screen.access"),
            path="/access",
            key="p",
            scopes=("access", "audit"),
        ),
        Screen(
            name="webhooks",
            title=sentence("console.screen.webhooks"),
            path="/webhooks",
            key="n",
            scopes=("access",),
        ),
    ),
)
# About no account: `at_large`, by their whole path.
INSTALLATION = ScreenGroup(
    title=sentence("console.group.installation"),
    screens=(
        Screen(
            name="operations",
            title=sentence("console.screen.operations"),
            path="/operations",
            key="o",
            scopes=("operate",),
        ),
        Screen(
            name="accounts",
            title=sentence("console.screen.accounts"),
            path="/?all=1",
            key="u",
            scopes=("operate",),
            is_of_several=True,
        ),
        Screen(
            name="gallery",
            title=sentence("console.screen.gallery"),
            path="/_gallery",
            key="y",
            scopes=("operate",),
        ),
    ),
)
OF_AN_ACCOUNT = (DAILY, PLANNING, TRUST, ACCOUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationEntry:
    """A screen that somebody is offered."""

    name: str
    title: Sentence
    href: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationGroup:
    """A group with at least one of them."""

    title: Sentence
    entries: tuple[NavigationEntry, ...]


def navigation(who: Seeing) -> list[NavigationGroup]:
    """What somebody is offered, in order: the screens of the account, then the installation's."""
    found: list[NavigationGroup] = []
    accounts = who.caller.accounts()
    several = accounts is None or len(accounts) > 1
    if isinstance(who, SeeingAccount):
        found += _offered(OF_AN_ACCOUNT, who.principal, who.base, has_several=several)
    large = who.caller.at_large()
    return [*found, *_offered([INSTALLATION], large, "", has_several=several)]


def _offered(
    groups: Iterable[ScreenGroup], principal: Principal, base: str, *, has_several: bool
) -> Iterable[NavigationGroup]:
    for group in groups:
        entries = tuple(
            NavigationEntry(
                name=each.name, title=each.title, href=f"{base}{each.path}", key=each.key
            )
            for each in group.screens
            if each.is_for(principal, has_several=has_several)
        )
        if entries:
            yield NavigationGroup(title=group.title, entries=entries)
