"""The table of settings: complete, true, and the same wherever it is read."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

import services
from services.cli.settings import KINDS, document, knobs_of
from tests.services.cli.conftest import command

STORED = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_checked_in_table_is_what_the_classes_say() -> None:
    assert STORED.read_text() == document(), "run `make schemas`"


def test_fairlead_settings_prints_it(tmp_path: Path) -> None:
    assert command(tmp_path, "settings").out.strip() == document().strip()


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_setting_says_what_it_means(kind: type[BaseSettings]) -> None:
    assert [knob.variable for knob in knobs_of(kind) if not knob.meaning] == []


def test_every_class_of_settings_is_in_the_table() -> None:
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)

    ours = [
        kind for kind in BaseSettings.__subclasses__() if kind.__module__.startswith("services")
    ]
    assert {kind.__qualname__ + kind.__module__ for kind in ours} == {
        kind.__qualname__ + kind.__module__ for kind in KINDS.values()
    }


def test_S19_no_secret_has_a_default_that_is_shown() -> None:
    shown = {knob.variable: knob.default for kind in KINDS.values() for knob in knobs_of(kind)}

    assert (shown["FAIRLEAD_DATABASE_URL"], shown["FAIRLEAD_MASTER_KEY"]) == ("", "")
    assert shown["FAIRLEAD_KAFKA_PARTITIONS"] == "24"
