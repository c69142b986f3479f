"""The pages: one document for all screens, and a first page to choose who is looking."""

from importlib import resources
from string import Template
from typing import Final, get_args

import orjson

from services.pages.parts import escape, frame
from services.sandbox.harness.setting import Harness, LoaderKnob, Look
from services.sandbox.harness.state import state

CARDS_MAX: Final = 5
FOLDER: Final = resources.files("services.sandbox.harness")


def policy(harness: Harness) -> str:
    """What the pages allow: own scripts alone, and the widget's server as the only other host."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"font-src 'self'; connect-src 'self' {harness.server}; frame-src {harness.server}; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def shell(harness: Harness, look: Look) -> str:
    """The document of every screen; a script of ours draws what its address names."""
    user = harness.crm.account.users[look.user_id]
    known = orjson.dumps(state(harness, look)).decode().replace("<", "\\u003c")
    menu = "".join(
        f'<a class="nav__menu__item js-go" href="{path}">{escape(name)}</a>'
        for name, path in _places(harness)
    )
    return Template((FOLDER / "page.html").read_text("utf-8")).substitute(
        title=escape(harness.crm.account.name),
        language=escape(look.language),
        theme=look.theme,
        state=known,
        user_id=user.id,
        user_name=escape(user.name),
        initials=escape("".join(word[0] for word in user.name.split()[:2])),
        menu=menu,
    )


def _places(harness: Harness) -> list[tuple[str, str]]:
    account = harness.crm.account
    lead = next((each for each in reversed(account.leads) if not account.leads[each].is_deleted), 0)
    menu = harness.widget.manifest.get("left_menu", {})
    return [
        ("Lead", f"/leads/detail/{lead}"),
        ("Pipeline", f"/settings/pipeline/leads/{next(iter(account.pipelines))}"),
        ("Integrations", "/settings/widgets/"),
        ("Settings page", f"/settings/widgets/{harness.code}/"),
        *((f"Menu: {item}", f"/widget_page/{harness.code}/{item}/") for item in menu),
    ]


def first_page(harness: Harness) -> str:
    """Who is looking, and how."""
    users = "".join(
        f"<option value={user.id}>{escape(user.name)}"
        f"{' (administrator)' if user.is_admin else ''}</option>"
        for user in harness.crm.account.users.values()
        if user.is_active
    )
    knobs = "".join(
        f'<label><input type="checkbox" name="knobs" value="{knob}"> {knob}</label> '
        for knob in get_args(LoaderKnob)
    )
    places = "".join(f"<option value={path}>{escape(name)}" for name, path in _places(harness))
    return frame(
        "Harness",
        '<main><h1>Harness of the widget</h1><form action="/harness/enter">'
        f'<p><label>As <select name="user_id">{users}</select></label> '
        f'<label>to <select name="to">{places}</select></label> '
        f"<label>theme {_choice('theme', ('light', 'dark'))}</label> "
        f"<label>language {_choice('language', ('en', 'es', 'pt', 'ru'))}</label> "
        f"<label>marker {_choice('marker', ('above', 'around', 'inside'))}</label></p>"
        f"<p>Loader: {knobs}</p><p><button>Open</button></p></form></main>",
    )


def _choice(name: str, values: tuple[str, ...]) -> str:
    return f'<select name="{name}">{"".join(f"<option>{each}" for each in values)}</select>'
