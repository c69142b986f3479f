"""A folder, its copy in its place, and what only looks like one (F79)."""

import shutil
from pathlib import Path

import pytest

from services.storage.copies import MARK, is_copy, mark


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    return folder


def test_F79_a_marked_folder_is_no_copy_wherever_it_is_moved(data: Path) -> None:
    mark(data)
    assert not is_copy(data)
    (data / "postgres" / "pg_wal").mkdir()
    assert not is_copy(data.rename(data.with_name("elsewhere")))


def test_F79_a_copy_in_its_place_is_one_until_it_is_marked(data: Path) -> None:
    mark(data)
    shutil.copytree(data, data.with_name("backup"))
    shutil.rmtree(data)
    shutil.copytree(data.with_name("backup"), data)

    assert is_copy(data)
    mark(data)
    assert not is_copy(data)


def test_F79_a_folder_of_an_older_release_is_no_copy(data: Path) -> None:
    assert not is_copy(data)


def test_F79_a_mark_that_was_cut_short_is_taken_for_a_copys(data: Path) -> None:
    (data / MARK).write_text("")

    assert is_copy(data)
