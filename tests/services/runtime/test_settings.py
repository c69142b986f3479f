"""Settings: a table that is complete and true, read in one way, refused in one line each."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from annotated_types import Ge, Gt, Le, Lt

import services
from services.runtime.environment import bounds_of, from_environment, variable_of
from services.runtime.settings import KINDS, EverySetting, document, kinds_of, knobs_of
from services.runtime.wrong import Wrong
from services.shared.settings import Settings
from tests.services.cli.conftest import command

STORED = Path(__file__).parents[3] / "docs" / "settings.md"
# The least step beyond a bound, up or down; None where the bound itself is out of bounds already.
BEYOND = {Ge: ("ge", -1), Gt: ("gt", 0), Le: ("le", 1), Lt: ("lt", 0)}
ROLES = {"up": ("--port=0",), "run": ("all",)}

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
each_kind_of_a_process = pytest.mark.parametrize(
    "kind", tuple(kinds_of(EverySetting)), ids=lambda kind: kind.__name__
)


def out_of_bounds(kind: type[Settings]) -> Iterator[tuple[str, str]]:
    """Values that the class must refuse, by field: beyond each bound, and no number at all."""
    for name, field in kind.model_fields.items():
        bounds = [rule for rule in field.metadata if type(rule) in BEYOND]
        for rule in bounds:
            attribute, step = BEYOND[type(rule)]
            yield name, str(getattr(rule, attribute) + step)
        if bounds:
            yield from ((name, text) for text in ("nan", "many", ""))


def test_the_checked_in_table_is_what_the_classes_say() -> None:
    assert STORED.read_text() == document(), "run `make schemas`"


def test_fairlead_settings_prints_it(tmp_path: Path) -> None:
    assert command(tmp_path, "settings").out.strip() == document().strip()


@each_kind
def test_every_setting_says_what_it_means(kind: type[Settings]) -> None:
    assert [knob.variable for knob in knobs_of(kind) if not knob.meaning] == []


def test_every_class_of_settings_is_in_the_table() -> None:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)

    assert set(Settings.__subclasses__()) == set(KINDS)


def test_no_variable_has_two_meanings() -> None:
    variables = [knob.variable for kind in KINDS for knob in knobs_of(kind)]

    assert len(variables) == len(set(variables))


@each_kind
def test_making_settings_reads_no_environment(
    kind: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in out_of_bounds(kind):
        monkeypatch.setenv(variable_of(kind, name), text)

    assert kind() == kind.model_validate({})


def refusal(kind: type[Settings], name: str) -> str:
    field = kind.model_fields[name]
    number = "a whole number" if field.annotation is int else "a number"
    return f"{variable_of(kind, name)}: expected {number} {bounds_of(field)}"


@each_kind_of_a_process
def test_S24_a_setting_out_of_bounds_is_one_line(
    monkeypatch: pytest.MonkeyPatch, kind: type[Settings]
) -> None:
    assert list(out_of_bounds(kind)) != [], "nothing is looked at"
    for name, text in out_of_bounds(kind):
        with monkeypatch.context() as environment:
            environment.setenv(variable_of(kind, name), text)
            with pytest.raises(Wrong) as refused:
                from_environment(EverySetting)

        assert str(refused.value) == refusal(kind, name)


@pytest.mark.parametrize("words", ROLES)
@each_kind_of_a_process
def test_S24_every_setting_out_of_bounds_is_told_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Settings], words: str
) -> None:
    if words == "run":
        monkeypatch.setenv("FAIRLEAD_DATABASE_URL", "postgresql://f@127.0.0.1:1/f")
    bad = dict(out_of_bounds(kind))
    for name, text in bad.items():
        monkeypatch.setenv(variable_of(kind, name), text)

    said = command(tmp_path / "data", words, *ROLES[words])

    assert said.error.splitlines() == [refusal(kind, name) for name in bad]
    assert bad, "nothing was looked at"
    assert not (tmp_path / "data").exists()


def test_S24_everything_out_of_bounds_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_ALLOCATOR_BATCH_SIZE_MAX", "0")
    monkeypatch.setenv("FAIRLEAD_GATEWAY_PUSH_BATCH_SIZE", "251")
    monkeypatch.setenv("FAIRLEAD_MASTER_KEY", "c2hvcnQ=")

    assert command(tmp_path, "up").error.splitlines() == [
        "FAIRLEAD_MASTER_KEY: expected 32 bytes in base64, or several such with commas",
        "FAIRLEAD_ALLOCATOR_BATCH_SIZE_MAX: expected a whole number from 1 to 5000",
        "FAIRLEAD_GATEWAY_PUSH_BATCH_SIZE: expected a whole number from 1 to 250",
    ]


def test_S19_no_secret_has_a_default_that_is_shown() -> None:
    shown = {knob.variable: knob.default for kind in KINDS for knob in knobs_of(kind)}

    assert (shown["FAIRLEAD_DATABASE_URL"], shown["FAIRLEAD_MASTER_KEY"]) == ("", "")
    assert shown["FAIRLEAD_KAFKA_PARTITIONS"] == "24"
