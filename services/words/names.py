"""What Kommo's users and stages are called, by the directory that is kept of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contracts.stage import Stage

Directory = Mapping[str, Any]


def stage_title(pipeline: Mapping[str, Any], stage: Mapping[str, Any]) -> str:
    """A stage for people: its name alone is often that of another pipeline's, too."""
    return f"{pipeline['name']} / {stage['name']}"


def stage_titles(directory: Directory) -> dict[Stage, str]:
    """All stages of an account."""
    return {
        Stage(pipeline["id"], stage["id"]): stage_title(pipeline, stage)
        for pipeline in directory.get("pipelines", ())
        for stage in pipeline["stages"]
    }


@dataclass(frozen=True)
class Names:
    """Names of one account, or of several: Kommo gives an id once, whichever account it is of."""

    directories: tuple[Directory, ...]

    def user(self, user_id: int) -> str | None:
        """A user by name, also one who left."""
        return self._users.get(user_id)

    def stage(self, stage: Stage | int) -> str | None:
        """A stage; by its own id alone where no pipeline is told, if only one has it."""
        if isinstance(stage, tuple):
            return self._stages.get(Stage(*stage))
        named = [title for each, title in self._stages.items() if each.status_id == stage]
        return named[0] if len(named) == 1 else None

    @cached_property
    def _users(self) -> dict[int, str]:
        users = (user for each in self.directories for user in each.get("users", ()))
        return {user["id"]: user["name"] for user in users}

    @cached_property
    def _stages(self) -> dict[Stage, str]:
        found: dict[Stage, str] = {}
        for each in self.directories:
            found |= stage_titles(each)
        return found
