"""Scripts of what goes wrong: how they are read, and what is wrong with them told."""

from pathlib import Path

import pytest

from services.demo.faults import FaultScript, FaultStep, bundled, read_script
from services.runtime.wrong import Wrong


def written(folder: Path, text: str) -> Path:
    path = folder / "script.yaml"
    path.write_text(text)
    return path


def test_a_script_says_what_and_when_and_for_how_long(tmp_path: Path) -> None:
    text = "- {at: 5s, fault: 429_storm, for: 1m, retry_after: 2}\n- {at: 0.5, fault: kommo_down}\n"
    script = read_script(written(tmp_path, text))

    assert script == FaultScript(
        name="script",
        steps=(
            FaultStep(**{"at": 5.0, "fault": "429_storm", "for": 60.0, "retry_after": 2.0}),
            FaultStep(at=0.5, fault="kommo_down"),
        ),
    )
    assert [step.words for step in script.steps] == [
        "every request refused as one too many from 5 s, for 60 s",
        "Kommo down from 0.5 s, to the end",
    ]
    assert (script.accounts, script.is_told_by_webhooks) == (1, False)


def test_a_script_needs_what_its_faults_need(tmp_path: Path) -> None:
    text = "- {at: 0, fault: hook_disabled}\n- {at: 0, fault: account_blocked, account: 2}\n"
    script = read_script(written(tmp_path, text))

    assert (script.accounts, script.is_told_by_webhooks) == (2, True)
    assert FaultStep(at=1, fault="kommo_down", account=2).words == (
        "Kommo down (account 2) from 1 s, to the end"
    )


def test_those_that_come_with_the_demo_are_found_by_name() -> None:
    names = bundled()

    assert names == [
        "429_storm.yaml",
        "account_blocked.yaml",
        "hook_disabled.yaml",
        "kommo_down.yaml",
        "lost_webhooks.yaml",
        "poisoned_leads.yaml",
        "refresh_lost.yaml",
        "token_expired.yaml",
        "two_accounts.yaml",
    ]
    assert [read_script(Path(name)).name for name in names] == [Path(n).stem for n in names]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {at: soon, fault: kommo_down}", "steps.0.at"),
        ("- {at: 5s, fault: deluge}", "steps.0.fault"),
        ("- {at: 5s, fault: kommo_down, until: 9s}", "steps.0.until"),
        ("- {fault: kommo_down}", "steps.0.at"),
        ("[]", "steps"),
        ("a: b", "steps"),
        ("- {at: 5s", "no YAML"),
        ("\x00", "no YAML"),
    ],
)
def test_what_is_wrong_with_a_script_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Wrong) as wrong:
        read_script(written(tmp_path, text))

    assert told in str(wrong.value)


def test_a_script_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=r"429_storm\.yaml"):
        read_script(tmp_path / "none.yaml")
