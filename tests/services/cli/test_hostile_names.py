"""Names that try to steer the terminal, or to say something in our name, through every command."""

from services.runtime.installation import open_installation
from tests.services.cli.conftest import Here, Said

EVIL = "Eve\nDone.\r\n\x1b[2J\x1b]0;title\x07\u202e\u2066\x85Done.\u2028"
SHOWN = "Eve\\u000aDone.\\u000d\\u000a\\u001b[2J\\u001b]0;title\\u0007\\u202e\\u2066\\u0085Done."
STEERING = ("\x1b", "\x07", "\r", "\x85", "\u202e", "\u2066", "\u2028")
MANAGER = 501


async def _rename(here: Here) -> None:
    async with open_installation(here.data) as installation:
        (account,) = await installation.accounts.all()
        directory = dict(account.directory)
        directory["users"] = [{**user, "name": EVIL} for user in directory["users"]]
        await installation.accounts.update_directory(account.account_id, directory)


def harmless(said: Said) -> bool:
    """Whether nothing in it steers the terminal, and no name began a line."""
    text = said.out + said.err
    lines = text.splitlines()
    return not any(mark in text for mark in STEERING) and not any(
        line.startswith(("Done.", "\\u0085Done.")) for line in lines
    )


def everybody_is_evil(here: Here) -> None:
    """Until the gateway reads the names in Kommo again."""
    here.do(_rename(here))


def test_S20_names_in_prompts_begin_no_line(here: Here) -> None:
    here.assigned_lead()
    while "open leads here" in here.say("handover", MANAGER, typed="n\n").err:
        here.assigned_lead()

    def asked_with_their_names() -> Said | None:
        """None when the gateway has read the true names in between."""
        everybody_is_evil(here)
        said = here.say("handover", MANAGER, typed="what\nn\n")
        return said if SHOWN in said.out else None

    asked = next(filter(None, (asked_with_their_names() for _ in range(10))))

    assert asked.out.count(f"Pause {SHOWN}") == 2  # asked again after an answer that is none
    assert asked.out.endswith("Nothing was changed.\n")
    assert harmless(asked)


def test_S20_names_in_answers_and_tables_begin_no_line(here: Here) -> None:
    lead_id = here.assigned_lead()
    everybody_is_evil(here)
    words = [
        ("pause", MANAGER, "--reason", f"ill\n{EVIL}"),
        ("pauses",),
        ("resume", MANAGER),
        ("correct", MANAGER, "1", "--reason", EVIL),
        ("statement", MANAGER),
        ("explain", lead_id),
        ("undo", lead_id),
        ("distribute", lead_id, "--yes"),
        ("rules", "check", "pyproject.toml"),
        ("pause", MANAGER, "--until", EVIL),
        ("correct", MANAGER, EVIL, "--reason", "why"),
        ("statement", MANAGER, "--ledger", EVIL),
        ("handover", MANAGER, "--rule", EVIL),
        ("distribute", "--stage", EVIL),
        ("undo", lead_id, "--decision", EVIL),
        ("projections", "rebuild", EVIL),
        ("doctor",),
    ]

    said = {each[0]: here.say(*each) for each in words}

    assert [name for name, one in said.items() if not harmless(one)] == []
    assert f"{SHOWN}" in said["pauses"].out + said["resume"].out
