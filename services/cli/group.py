"""A group of commands, as all of ours are."""

from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Context
    from typer.core import TyperOption


class Group(TyperGroup):
    """Imports nothing for the help of a command in it."""

    def get_help_option(self, ctx: "Context") -> "TyperOption | None":
        """The flag as one that was not given, without pydantic to say so: half of the time."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


def group(help_: str | None = None) -> typer.Typer:
    """A group with this help; without, one whose commands belong to the group around it."""
    return typer.Typer(
        cls=Group,
        help=help_,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
