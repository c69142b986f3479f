"""Sections of the rules as a page shows them: fields, what is in them, what is wrong there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

from contracts.sentences import Sentence, sentence
from services.application.rules import stages_of, users_of
from services.console.rules import values
from services.console.rules.fields import FormSection, Kind, RuleField, RuleRows
from services.console.rules.forms import Placed, steps
from services.console.rules.summaries import SUMMARIES, RuleData
from services.console.rules.wording import in_editor
from services.console.seeing import SeeingAccount
from services.rules_file.file import field_name
from services.rules_file.lint import Remark
from services.rules_file.yaml import Document, Path

# What is called by names of its own.
_NAMED = {("ledgers",), ("registries",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkView:
    """What there is to say of a field.

    Attributes:
        token: By which a tick says which one was seen.
    """

    severity: str
    kind: str
    text: str
    advice: str
    field: str
    line: int
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something to choose.

    Attributes:
        group: What it belongs to; empty for nothing.
    """

    value: str
    text: str
    is_chosen: bool
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One field.

    Attributes:
        id: For its label.
        value: What was typed, several values in a line each.
        slots: Of an order: the options of each place.
    """

    name: str
    id: str
    kind: Kind
    title: str
    value: str
    options: tuple[Option, ...] = ()
    slots: tuple[tuple[Option, ...], ...] = ()
    remarks: tuple[RemarkView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One entry of a list; the last one is empty."""

    name: str
    title: str
    main: tuple[FieldView, ...]
    more: tuple[FieldView, ...]
    is_new: bool
    remarks: tuple[RemarkView, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether what is seen later is seen at once: something is said there."""
        return any(each.value or each.remarks for each in self.more)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsView:
    """A list."""

    name: str
    title: str
    entries: tuple[EntryView, ...]
    remarks: tuple[RemarkView, ...] = ()
    kind: str = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """A section, closed or open.

    Attributes:
        said: What it says while it is closed.
        register: Of a ledger or a registry: where it is in the file.
    """

    name: str
    title: str
    said: str
    register: str
    parts: tuple[FieldView | RowsView, ...]
    remarks: tuple[RemarkView, ...] = ()

    @property
    def flaws(self) -> int:
        """How many remarks are in it."""
        parts = sum(len(each.remarks) for part in self.parts for each in _inner(part))
        return parts + len(self.remarks)


@dataclass(frozen=True, kw_only=True)
class Shower:
    """Makes views of one text for whoever looks.

    Attributes:
        targets: The account's targets of webhooks.
    """

    who: SeeingAccount
    document: Document
    remarks: Sequence[RemarkView]
    targets: Sequence[str] = ()

    def sections(self, placed: Sequence[Placed]) -> list[SectionView]:
        """All of them."""
        return [self._section(section, base) for section, base in placed]

    def said(self, name: str, base: Path) -> str:
        """What a section says in a sentence."""
        told = RuleData(data=self.document.data, base=base, stage=self.stage_name)
        return "; ".join(self.who.words.lines(SUMMARIES[name](told)))

    def stage_name(self, pipeline: Any, stage: Any) -> str:  # noqa: ANN401 - any data
        """A stage by name, or by its ids."""
        return self._stages_by_text.get(f"{pipeline}:{stage}", f"{pipeline}:{stage}")

    @cached_property
    def _stages_by_text(self) -> dict[str, str]:
        known = stages_of(self.who.account) or {}
        return {f"{each.pipeline_id}:{each.status_id}": name for each, name in known.items()}

    def _section(self, section: FormSection, base: Path) -> SectionView:
        parts = tuple(self._part(each, (*base, *steps(each.path))) for each in section.parts)
        inner = [each for part in parts for each in _inner(part)]
        told = {remark.token for each in inner for remark in each.remarks}
        title, is_named = self._say(section.title), base[:1] in _NAMED
        return SectionView(
            name=f"{section.name}-{base[-1]}" if is_named else section.name,
            title=f"{title}: {base[-1]}" if is_named else title,
            register=field_name(base) if is_named else "",
            said=self.said(section.name, base) if section.name in SUMMARIES else "",
            parts=parts,
            remarks=tuple(
                each
                for each in self.remarks
                if each.token not in told
                and is_inside(each.field, field_name(base))
                and any(is_inside(part.name, each.field) for part in inner)
            ),
        )

    def _part(self, part: RuleField | RuleRows, path: Path) -> FieldView | RowsView:
        if isinstance(part, RuleField):
            return self.field(part, path)
        entries = self.document.at(path)
        count = len(entries) if isinstance(entries, list) else 0
        name = field_name(path)
        return RowsView(
            name=name,
            title=self._say(part.title),
            entries=tuple(
                self._entry(part, (*path, number), is_new=number == count)
                for number in range(count + 1)
            ),
            remarks=self._at(name),
        )

    def _entry(self, rows: RuleRows, path: Path, *, is_new: bool) -> EntryView:
        number = int(path[-1]) + 1
        title = (
            sentence("console.rules.add")
            if is_new
            else sentence("console.rules.entry", number=number)
        )
        name = field_name(path)
        return EntryView(
            name=name,
            title=self._say(title),
            main=tuple(self.field(each, (*path, *steps(each.path))) for each in rows.main),
            more=tuple(self.field(each, (*path, *steps(each.path))) for each in rows.more),
            is_new=is_new,
            remarks=() if not rows.main[0].path else self._at(name),
        )

    def field(self, part: RuleField, path: Path) -> FieldView:
        """One field with what is in it."""
        name = field_name(path)
        said = values.shown(part, self.document, path)
        between = ", " if part.kind == "numbers" else "\n"
        view = FieldView(
            name=name,
            id="f-" + "".join(each if each.isalnum() else "-" for each in name),
            kind=part.kind,
            title=self._say(part.title),
            value=between.join(said),
            remarks=self._at(name, with_inner=True),
        )
        if part.kind == "ordered":
            slots = [*said, *[""] * (len(part.choices) - len(said))]
            return replace(view, slots=tuple(tuple(self._choices(part, [each])) for each in slots))
        return replace(view, options=tuple(self._options(part, said)))

    def _options(self, part: RuleField, said: Sequence[str]) -> Iterable[Option]:
        match part.kind:
            case "choice" | "kinds":
                return self._choices(part, said)
            case "person" | "people":
                return self._people(said)
            case "stages":
                return self._stages(said)
            case "schedule":
                found = self.document.at(("schedules",))
                return _texts(found if isinstance(found, dict) else (), said)
            case "target":
                return _texts(self.targets, said)
            case _:
                return ()

    def _choices(self, part: RuleField, said: Sequence[str]) -> Iterable[Option]:
        if part.kind == "kinds":
            return [
                Option(
                    value=each,
                    text=self._say(sentence(f"console.rules.kind.{each}")),
                    is_chosen=said[:1] == [each],
                )
                for each in part.choices
            ]
        known = [
            Option(
                value=each,
                text=self._say(sentence(f"console.rules.choice.{each}")),
                is_chosen=each in said,
            )
            for each in part.choices
        ]
        return [*known, *_others(said, part.choices)]

    def _people(self, said: Sequence[str]) -> Iterable[Option]:
        known = {str(user_id): name for user_id, name in (users_of(self.who.account) or {}).items()}
        ordered = sorted(known, key=lambda each: (known[each].casefold(), each))
        return [
            *(
                Option(value=each, text=f"{known[each]} ({each})", is_chosen=each in said)
                for each in ordered
            ),
            *_others(said, known),
        ]

    def _stages(self, said: Sequence[str]) -> Iterable[Option]:
        known = self._stages_by_text
        return [
            *(
                Option(
                    value=each,
                    text=name.rpartition(" / ")[2],
                    is_chosen=each in said,
                    group=name.rpartition(" / ")[0],
                )
                for each, name in known.items()
            ),
            *_others(said, known),
        ]

    def _at(self, name: str, *, with_inner: bool = False) -> tuple[RemarkView, ...]:
        return tuple(
            each
            for each in self.remarks
            if each.field == name or (with_inner and is_inside(each.field, name))
        )

    def _say(self, told: Sentence) -> str:
        return self.who.words.say(told)


def is_inside(field: str, name: str) -> bool:
    """Whether a field is a part of what has this name."""
    return field.startswith((f"{name}.", f"{name}["))


def remark_views(who: SeeingAccount, remarks: Iterable[Remark]) -> list[RemarkView]:
    """Remarks in words."""
    return [
        RemarkView(
            severity=each.severity,
            kind=who.words.say(sentence(f"remark.severity.{each.severity}")),
            text=(text := who.words.say(each.found)),
            advice="" if each.advice is None else in_editor(who, who.words.say(each.advice)),
            field=each.field,
            line=each.line,
            token=blake2b(f"{each.field} {text}".encode(), digest_size=6).hexdigest(),
        )
        for each in remarks
    ]


def remarks_in(sections: Iterable[SectionView]) -> set[str]:
    """The tokens of the remarks that stand in sections."""
    return {
        each.token
        for section in sections
        for each in (
            *section.remarks,
            *(
                remark
                for part in section.parts
                for inner in _inner(part)
                for remark in inner.remarks
            ),
        )
    }


def _inner(part: FieldView | RowsView) -> Iterator[FieldView | RowsView | EntryView]:
    yield part
    if isinstance(part, RowsView):
        for entry in part.entries:
            yield entry
            yield from entry.main
            yield from entry.more


def _texts(known: Iterable[str], said: Sequence[str]) -> list[Option]:
    names = list(known)
    return [
        *(Option(value=each, text=each, is_chosen=each in said) for each in names),
        *_others(said, names),
    ]


def _others(said: Iterable[str], known: Iterable[str]) -> list[Option]:
    """What is chosen and nobody knows stays to be seen."""
    names = set(known)
    return [
        Option(value=each, text=each, is_chosen=True) for each in said if each not in names | {""}
    ]
