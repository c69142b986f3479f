"""How a command gets its installation, runs to its end, and says what a person can mend."""

import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from contracts.sentences import Sentence, sentence
from services.cli.output import fail, note, say_all
from services.cli.refusals import refusal
from services.cli.speech import words

if TYPE_CHECKING:
    from services.application.callers import Whoever
    from services.application.commands import Answer, Once
    from services.application.confirmation import Assent
    from services.application.installation import Installation
    from services.application.principal import Principal
    from services.application.span import Span
    from services.storage.accounts import RegisteredAccount
    from services.words.catalogue import Words

T = TypeVar("T")

# A person at a terminal waits longer than a connection may be held open.
WAITS_S = 15.0


def log_all(*, as_json: bool) -> None:
    """Log everything worth a line: for commands that run until they are told to stop."""
    from services.shared.logs import configure_logging

    configure_logging(sys.stderr, json_lines=as_json, level="INFO")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a command to its end; what a person can mend is one line and exit status 1."""
    import structlog

    from services.shared.logs import configure_logging

    if not structlog.is_configured():
        configure_logging(sys.stderr, json_lines=False, level="WARNING")
    try:
        if sys.platform == "win32":
            import asyncio

            return asyncio.run(work)
        import uvloop

        return uvloop.run(work)
    except _expected() as error:
        fail(*_said(error))
    except ExceptionGroup as group:  # of roles that ran side by side
        expected, bugs = group.split(_expected())
        if expected is None or bugs is not None:
            raise
        fail(*_said(_first(expected)))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command works with.

    Attributes:
        principal: Whoever sits at this terminal.
        words: Puts sentences into words.
    """

    installation: "Installation"
    principal: "Principal"
    words: "Words"

    def tell(self, *sentences: Sentence) -> None:
        """Say them, a line each."""
        say_all(self.words.lines(sentences))

    def text(self, said: Sentence) -> str:
        """One in words, for a cell of a table or a question."""
        return self.words.say(said)


@dataclass(frozen=True, slots=True)
class AccountDesk(Desk):
    """What a command about one account works with; its words know names and zone."""

    account: "RegisteredAccount"

    def span(self, from_: str, to: str, *, days: int) -> "Span":
        """What was typed as `--from` and `--to`; so many days up to the end without a start."""
        from datetime import UTC, datetime

        from services.application.span import span_from

        return span_from(
            from_, to, now=datetime.now(UTC), timezone=self.account.timezone, days=days
        )

    def once(self, key: str) -> "Once":
        """How a command is given from here, under a key of its own if none is named."""
        from secrets import token_hex

        from services.application.commands import Once

        return Once(key=key or token_hex(8), wait_s=WAITS_S)

    def assent(self, confirmed: int | None) -> "Assent":
        """Who gives an order from here, and how many leads they say that it is about."""
        from services.application.confirmation import Assent

        return Assent(access=self.installation.who_may(), who=caller_here(), confirmed=confirmed)

    async def knowing(self, told: Iterable[Sentence]) -> "AccountDesk":
        """The same desk, with the names of the rules, and of those who did what is told."""
        from services.application.people.called import doers, names_of_people
        from services.application.rules import names_of_rules

        rules = await names_of_rules(self.installation, self.account)
        words = self.words.knowing(rule=rules.get)
        if who := [by for each in told for by in doers(each)]:
            people = await names_of_people(self.installation.who_may(), who)
            words = words.knowing(person=people.get)
        return replace(self, words=words)

    def has_effect(self, answer: "Answer") -> bool:
        """Whether a command has taken effect; if it only will, or had before, that is said."""
        if answer.effect == "late":
            operation = answer.operation_id
            fail(
                self.text(sentence("command.late")),
                f"See: fairlead operation {operation}, fairlead doctor",
            )
        if answer.effect == "kept":
            self.tell(sentence("command.kept"))
        if answer.is_replayed:
            note(self.text(sentence("command.replayed")))
        return answer.effect != "kept"


def whoever_is_here() -> "Principal":
    """By the name of the system's account: whoever reaches the installation here may do it all."""
    from getpass import getuser

    from services.access.roles import SCOPES
    from services.application.principal import Principal

    return Principal(id=f"cli:{getuser()}", scopes=SCOPES, whence="terminal")


def caller_here() -> "Whoever":
    """The same, for what is about people and keys: no grant bounds them."""
    from services.application.callers import at_the_machine

    return at_the_machine(whoever_is_here())


def for_installation(data: Path, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do something with the installation of a folder, or with the distributed one."""
    from services.runtime.installation import must_exist, open_installation

    async def opened() -> T:
        must_exist(data)
        async with open_installation(data) as installation:
            return await work(Desk(installation, whoever_is_here(), words()))

    return complete(opened())


def for_account(
    data: Path, account_id: int | None, work: Callable[[AccountDesk], Awaitable[T]]
) -> T:
    """Do something with one account of the installation; named only where there are several."""
    from services.application.refused import Refused

    async def opened(desk: Desk) -> T:
        account = await desk.installation.account(account_id)
        its = AccountDesk(desk.installation, desk.principal, words(account), account)
        try:
            return await work(its)
        except Refused as refused:
            fail(*refusal(refused, its.words))

    return for_installation(data, opened)


def _expected() -> tuple[type[Exception], ...]:
    """What a person can mend."""
    from services.application.refused import Refused
    from services.log.kafka import TopicRefused
    from services.runtime.wrong import Wrong
    from services.shared.errors import Malformed, Unavailable
    from services.shared.secrets import MasterKeyRefused, Unsealable
    from services.storage.embedded.database import EmbeddedDatabaseError
    from services.storage.migrate import SchemaRefused

    return (
        Refused,
        Wrong,
        EmbeddedDatabaseError,
        SchemaRefused,
        TopicRefused,
        MasterKeyRefused,
        Unsealable,
        Malformed,  # an event of a newer release, or one that somebody altered
        Unavailable,
        OSError,
    )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _said(error: BaseException) -> list[str]:
    """The error's words; the system's own without their number; its kind if it has none."""
    from services.application.commands import OutcomeUnknown
    from services.application.refused import Refused

    if isinstance(error, Refused):
        return refusal(error, words())
    if isinstance(error, OutcomeUnknown):
        return [words().say(error.sentence), f"Repeat it with: --key {error.key}"]
    if not isinstance(error, OSError) or not error.strerror:
        return (str(error) or type(error).__name__).split("\n")
    where = "" if error.filename is None else f"{error.filename}: "
    return [f"{where}{error.strerror}"]
