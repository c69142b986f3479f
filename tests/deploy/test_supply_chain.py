"""What is installed is pinned with hashes, named by no address, and free to be used (S28)."""

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.txt"))
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
# Permissive, or weak copyleft that asks nothing of a program that only imports it.
FREE = {
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "3-Clause BSD License",
    "ISC License (ISCL)",
    "MIT",
    "MIT License",
    "MIT-0",
    "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0",
}
# Installed on other systems only.
ELSEWHERE = {"colorama"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_S28_each_line_of_a_lock_file_is_a_version_with_its_hashes(lock: Path) -> None:
    lines = [
        line for line in lock.read_text().splitlines() if line and not line.lstrip().startswith("#")
    ]
    pins = [number for number, line in enumerate(lines) if PINNED.match(line)]

    assert [line for line in lines if not PINNED.match(line) and not HASH.match(line)] == []
    assert pins
    assert all(HASH.match(lines[number + 1]) for number in pins)
    assert "://" not in "\n".join(lines)


def test_S28_what_an_installation_runs_on_is_free_to_be_used() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)
    found = {name: _licences(name) for name in names if name not in ELSEWHERE}

    assert len(found) > 40
    assert {name: own for name, own in found.items() if not own or own - FREE} == {}


def _licences(name: str) -> set[str]:
    about = metadata.metadata(name)
    if "License-Expression" in about:
        expression = about["License-Expression"].replace("(", "").replace(")", "")
        return set(re.split(r" (?:AND|OR) ", expression))
    of_classifiers = [
        each.split(" :: ")[-1]
        for each in about.get_all("Classifier") or []
        if each.startswith("License :: ")
    ]
    return set(of_classifiers or about.get_all("License") or [""])
