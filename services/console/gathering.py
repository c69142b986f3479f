"""A page is gathered part by part: one that fails keeps no other from being shown (W3.4)."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from services.application.refused import Refused
from services.console.failures import told_of
from services.console.seeing import SeeingAccount, SeeingInstallation
from services.web.faults import problem_of
from services.web.problems import HttpProblem

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gathering:
    """Reads the parts of a page for somebody.

    Attributes:
        who: Looks at it.
        failed: What happened, by the name of the part that cannot be shown.
    """

    who: SeeingAccount | SeeingInstallation
    failed: dict[str, str] = field(default_factory=dict)

    async def part(self, name: str, reading: Awaitable[T]) -> T | None:
        """What was read; None if it could not be, and then the template says so.

        Args:
            name: Of the part, in templates and logs.
            reading: Of it.

        Raises:
            Refused: They may not look, or there is no such thing: the page is about nothing else.
            HttpProblem: The same of the address.
        """
        try:
            return await reading
        except (Refused, HttpProblem):
            raise
        except Exception as error:
            problem = problem_of(error, self.who.words)
            if problem.code == "internal":
                log.exception("part_failed", part=name, error=type(error).__name__)
            else:
                log.warning("part_failed", part=name, error=type(error).__name__)
            self.failed[name] = told_of(self.who.words, error, problem)
            return None
