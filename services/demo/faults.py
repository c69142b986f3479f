"""Fault scripts: what goes wrong with the local Kommo, when, and for how long.

A script is a YAML list of steps. `at` and `for` count seconds from the first lead that moves; a
step without `for` lasts to the end.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from services.demo.kommo_process import LocalKommo
from services.runtime.wrong import Wrong

# Leads come over so long when there is a script, so that there is a middle for things to break in.
SPREAD_S: Final = 6.0
WAVES: Final = 12
# Beside a flood the other account has less to do than half of what the address may, as it has to
# share: who has more waits for its own.
SPREAD_BESIDE_S, WAVES_BESIDE = 14.0, 7
# What Kommo asks for where no script says otherwise; there it is five minutes.
RETRY_AFTER_S: Final = 1
FOLDER: Final = "scripts"
SCRIPT_BYTES_MAX: Final = 64 * 1_024
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m)?")

FaultName = Literal[
    "429_storm",
    "lost_webhooks",
    "hook_disabled",
    "token_expired",
    "refresh_lost",
    "poisoned_leads",
    "account_blocked",
    "kommo_down",
    "flood",
]
_OF_CONSENT: Final = frozenset({"token_expired", "refresh_lost"})
_OF_ALL: Final = frozenset({"429_storm", "account_blocked"})
# They have no end: what they do is done at once.
_AT_ONCE: Final = _OF_CONSENT | {"flood"}


def _seconds(value: object) -> object:
    """Read `5s`, `2m` or a plain number of seconds; anything else is left to be refused."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return value
    return float(match[1]) * (60 if match[2] == "m" else 1)


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=600)]


class FaultStep(BaseModel):
    """One thing that goes wrong.

    Attributes:
        lasts_s: None until the end.
        share: Of `lost_webhooks`: how much of the changes loses its hooks.
        every: Of `poisoned_leads`: one lead in so many.
        retry_after_s: Of `429_storm`: what each refusal says.
        answers: Of `refresh_lost`: so many are.
        times: Of `flood`: the account has so many times the leads, and they come at once then.
        account: Which account it happens to, from 1; a script that names the second has two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: Seconds = Field(alias="at")
    fault: FaultName
    lasts_s: Seconds | None = Field(default=None, alias="for")
    share: float = Field(default=0.2, gt=0, le=1)
    every: int = Field(default=50, ge=1, le=10_000)
    retry_after_s: Seconds = Field(default=1.0, alias="retry_after")
    answers: int = Field(default=1, ge=1, le=100)
    times: int = Field(default=5, ge=2, le=100)
    account: int = Field(default=1, ge=1, le=2)

    @property
    def words(self) -> str:
        """What happens, as a person says it."""
        said = _WORDS[self.fault].format(step=self)
        if self.fault in _AT_ONCE:
            return f"{said} at {self.at_s:g} s"
        lasting = "to the end" if self.lasts_s is None else f"for {self.lasts_s:g} s"
        is_anothers = self.account > 1 and self.fault not in _OF_ALL
        whose = f" (account {self.account})" if is_anothers else ""
        return f"{said}{whose} from {self.at_s:g} s, {lasting}"


class FaultScript(BaseModel):
    """All that goes wrong in one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    steps: tuple[FaultStep, ...] = Field(min_length=1, max_length=100)

    @property
    def accounts(self) -> int:
        """How many accounts it needs."""
        is_flooded = any(step.fault == "flood" for step in self.steps)
        return max(2 if is_flooded else 1, *(step.account for step in self.steps))

    @property
    def spread(self) -> tuple[int, float]:
        """In how many waves leads come, and over how long."""
        return (WAVES, SPREAD_S) if self.flood(1) is None else (WAVES_BESIDE, SPREAD_BESIDE_S)

    @property
    def needs_consent(self) -> bool:
        """Whether the accounts are let into by OAuth: a long-lived token is not renewed."""
        return any(step.fault in _OF_CONSENT for step in self.steps)

    def flood(self, account: int) -> FaultStep | None:
        """What floods us from that account, if anything does."""
        floods = (step for step in self.steps if step.fault == "flood")
        return next((step for step in floods if step.account == account), None)

    @property
    def is_told_by_webhooks(self) -> bool:
        """Whether the account's webhooks tell of leads: triggers can not be switched off."""
        return any(step.fault == "hook_disabled" for step in self.steps)


def bundled() -> list[str]:
    """The names of the scripts that come with the demo."""
    folder = resources.files(__package__).joinpath(FOLDER)
    return sorted(each.name for each in folder.iterdir() if each.name.endswith(".yaml"))


def read_script(path: Path) -> FaultScript:
    """Read a script: a file, or one of those that come with the demo by its name.

    Raises:
        Wrong: There is no such file, or it makes no sense; what was expected is told.
    """
    try:
        text = _text(path)
        loaded = YAML(typ="safe", pure=True).load(text)
        return FaultScript(name=path.stem, steps=loaded)
    except OSError as error:
        known = ", ".join(bundled())
        raise Wrong(
            f"--faults: {path} can not be read; those that come with it: {known}"
        ) from error
    except (UnicodeDecodeError, YAMLError) as error:
        raise Wrong(f"--faults: {path} is no YAML") from error
    except ValidationError as error:
        raise Wrong(f"--faults: {_told(error)}") from error


def _text(path: Path) -> str:
    if not path.exists() and path.parent == Path() and path.name in bundled():
        return resources.files(__package__).joinpath(FOLDER, path.name).read_text(encoding="utf-8")
    with path.open("rb") as file:
        return file.read(SCRIPT_BYTES_MAX).decode("utf-8")


def _told(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(each) for each in first["loc"]) or "the script"
    return f"{place}: {first['msg']}"


async def play(
    script: FaultScript, kommos: Sequence[LocalKommo], lead_ids: Sequence[Sequence[int]]
) -> None:
    """Let everything go wrong at its time; cancelled, what is still wrong is put right.

    Args:
        script: What, and when.
        kommos: The accounts.
        lead_ids: Of each account, those that move.
    """
    async with asyncio.TaskGroup() as steps:
        for step in script.steps:
            # The limit is of the address, and the first account's knobs set it.
            place = 0 if step.fault == "429_storm" else step.account - 1
            steps.create_task(_play(step, kommos[place], lead_ids[place]))


async def _play(step: FaultStep, kommo: LocalKommo, lead_ids: Sequence[int]) -> None:
    await asyncio.sleep(step.at_s)
    if step.fault == "hook_disabled":
        await kommo.post("/webhooks/disable", {})
        if step.lasts_s is not None:
            await asyncio.sleep(step.lasts_s)
            await kommo.post("/webhooks/enable", {})
        return
    if step.fault == "flood":  # the leads themselves are
        return
    begin, end = _KNOBS[step.fault]
    await kommo.turn(dict(begin(step, lead_ids)))
    if step.fault in _OF_CONSENT:
        await kommo.post("/tokens/expire", {})
    if step.lasts_s is None:
        return
    try:
        await asyncio.sleep(step.lasts_s)
    finally:
        await kommo.turn(dict(end))


_WORDS: Final[Mapping[str, str]] = {
    "429_storm": "every request refused as one too many",
    "lost_webhooks": "webhooks of {step.share:.0%} of the changes lost",
    "hook_disabled": "the webhook switched off",
    "poisoned_leads": "one lead in {step.every} refused with its first manager",
    "token_expired": "the access token of account {step.account} too old",
    "refresh_lost": "the access token of account {step.account} too old, and {step.answers} of the"
    " answers with another lost,",
    "account_blocked": "account {step.account} blocked by 403",
    "flood": "all {step.times} times as many leads of account {step.account}",
    "kommo_down": "Kommo down",
}
_Begin = Callable[[FaultStep, Sequence[int]], Mapping[str, Any]]
# What each fault turns, and what puts it right again.
_KNOBS: Final[Mapping[str, tuple[_Begin, Mapping[str, Any]]]] = {
    "429_storm": (
        lambda step, _: {"too_many_next": 1_000_000, "retry_after_s": round(step.retry_after_s)},
        {"too_many_next": 0, "retry_after_s": RETRY_AFTER_S},
    ),
    "lost_webhooks": (lambda step, _: {"drop_fraction": step.share}, {"drop_fraction": 0.0}),
    "poisoned_leads": (
        lambda step, lead_ids: {"refuse_first_user_lead_ids": tuple(lead_ids[:: step.every])},
        {"refuse_first_user_lead_ids": ()},
    ),
    "token_expired": (lambda _, __: {}, {}),
    "refresh_lost": (lambda step, _: {"lose_refresh_next": step.answers}, {}),
    "account_blocked": (lambda _, __: {"blocked": True}, {"blocked": False}),
    "kommo_down": (lambda _, __: {"down": True}, {"down": False}),
}
