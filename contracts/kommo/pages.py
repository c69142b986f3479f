"""Pages of Kommo's lists: one element that makes no sense does not hide the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from contracts.kommo.items import ID_MAX

_ID: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(gt=0, le=ID_MAX)])
_PLACES_MAX = 200

E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Odd:
    """An element that makes no sense.

    Attributes:
        id: Which one it is; None when not even that can be read.
        places: The names of what it lacks or garbles, never their values.
    """

    id: int | None
    places: str


@dataclass(frozen=True, slots=True)
class Page(Generic[E]):
    """A page of a list, in Kommo's order.

    Attributes:
        items: All of its elements.
        next_href: Where the list goes on; None at its end.
    """

    items: tuple[E | Odd, ...]
    next_href: str | None = None

    @property
    def elements(self) -> tuple[E, ...]:
        """Those that make sense."""
        return tuple(each for each in self.items if not isinstance(each, Odd))

    @property
    def odd(self) -> tuple[Odd, ...]:
        """Those that do not."""
        return tuple(each for each in self.items if isinstance(each, Odd))


def page_of(shape: type[E], name: str, answer: Mapping[str, Any]) -> Page[E]:
    """Read a page of such elements from an answer's `_embedded` list of that name.

    An answer about a single thing may come as the bare thing.

    Raises:
        ValueError: There is no such list: an error is never taken for an empty page.
    """
    found = _part(answer, "_embedded", name)
    if found is None and "id" in answer:
        found = [answer]
    if not isinstance(found, list):
        raise ValueError(f"no list of {name}")  # noqa: TRY004 - a value from outside
    href = _part(answer, "_links", "next", "href")
    if href is not None and not isinstance(href, str):
        raise ValueError("the link to the next page is no text")
    return Page(tuple(_read(shape, each) for each in found), href or None)


def _part(answer: object, *path: str) -> object:
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _read(shape: type[E], element: object) -> E | Odd:
    try:
        return shape.model_validate(element)
    except ValidationError as error:
        return Odd(_id_of(element), places_of(error))


def _id_of(element: object) -> int | None:
    try:
        return _ID.validate_python(_part(element, "id"))
    except ValidationError:
        return None


def places_of(error: ValidationError) -> str:
    """The names of the fields that are wrong; their values may be anything, and are left out."""
    places = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
    return ", ".join(places)[:_PLACES_MAX]
