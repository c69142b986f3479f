"""The mutation check itself: its mutants fit the code, and a survivor is told from a catch."""

import pytest

from tests.mutation.check import CannotBreak, edited, examine
from tests.mutation.mutants import MUTANTS, Edit, Mutant

QUICK = [mutant for mutant in MUTANTS if mutant.is_quick]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_code(mutant: Mutant) -> None:
    assert list(edited(mutant)) == list(dict.fromkeys(edit.path for edit in mutant.edits))


@pytest.mark.server
@pytest.mark.parametrize("mutant", QUICK, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    assert examine(mutant).caught_by is not None


@pytest.mark.server
def test_a_change_that_breaks_nothing_survives() -> None:
    harmless = Edit(
        "domain/choosing/fair_share.py", "in by_remainder[:missing]:", "in by_remainder[:+missing]:"
    )
    unharmed = Mutant("no mutant", (harmless,), ("tests/domain/commands/test_commands.py",))

    assert examine(unharmed).caught_by is None


def test_an_edit_that_does_not_fit_is_said() -> None:
    edit = Edit("domain/choosing/fair_share.py", "not in there", "")

    with pytest.raises(CannotBreak, match=r"domain/choosing/fair_share\.py has not exactly once"):
        edited(Mutant("outdated", (edit,), ("tests/domain/commands/test_commands.py",)))
