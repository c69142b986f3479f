"""Writes the pages of reference that are made from the code: `make schemas`.

Commands come from the command line itself, the rules file from its JSON schema, the users of the
database from their grants; so none can say anything else than the product does. A test compares
what is checked in.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from starlette.routing import Route

from services.api.app import RESOURCES
from services.api.pages import create_pages
from services.api.table import ROUTES
from services.cli.main import app
from services.console.app import SCREENS
from services.console.in_kommo import PREFIX as FRAME
from services.projector.dash import statements
from services.projector.registry import PROJECTIONS
from services.storage.roles import DASH as FOR_DASH
from services.storage.roles import GRANTS, MAKERS_OF_VIEWS, PREFIX, SEQUENCE, USERS
from services.web.entries import RouteEntry
from services.widget.app import RESOURCES as WIDGET_RESOURCES
from services.widget.table import ROUTES as WIDGET_ROUTES

ROOT = Path(__file__).parents[2]
COMMANDS = ROOT / "docs" / "reference" / "commands.md"
RULES_FILE = ROOT / "docs" / "reference" / "rules-file.md"
RULES_SCHEMA = ROOT / "contracts" / "schemas" / "rules.schema.json"
EXAMPLE = ROOT / "contracts" / "schemas" / "rules.example.yaml"

DATABASE_USERS = ROOT / "docs" / "reference" / "database-users.md"

DASH = ROOT / "docs" / "reference" / "dash.md"

DASH_HEAD = """# The schema dash

Views for whoever asks by SQL: what they show, and what stays as it is. Made from the comments on
them by `make schemas`; `\\d+ dash.decisions` shows the same in psql. How to get in is in
[Ask by SQL](../how-to/ask-by-sql.md).

Every view shows the rows of one account. Columns stay, and new ones come last; texts that name a
kind may get new values. Kommo's ids are in place of names. Instants are exact, with their zone.
"""
ENDPOINTS = ROOT / "docs" / "reference" / "endpoints.md"
WEB_HEAD = "\n\n## For programs (port 8090)\n"
WHO_TEXT = """\
The API of the role `web`; [the reference](../api.md) tells what holds for all of it. Who may is a
scope of their key, in the account of the path; another account is one that is not there (404).
"""
ROUTES_HEAD = "| path | methods | who may | answers |\n|---|---|---|---|"
PAGES_HEAD = """
## For who writes programs (port 8090)

These hold nothing of any account.
"""
PAGE_OF = {
    "/api/v1/openapi.json": "The document of the API.",
    "/docs": "The same to read.",
    "/docs/style.css": "Its style.",
    "/problems/{code}": "What to do about a problem.",
}
WIDGET_HEAD = """
## For the widget in Kommo's pages (port 8090)

Who may is a scope of whoever works, by the token of their session; other pages than the account's
own get no answer that a browser lets them read.
"""
FRAME_IS = "An empty page, whose script gets the token of the session by a message."
FRAMED = ("as in the console, by that token", "Its screens of schedules and rules.")
WHO_ENTERS = "whoever brings Kommo's one-time token"
CONSOLE_HEAD = """
## For people (port 8090)

The console of the role `web`, by the cookie of whoever has signed in; what a screen shows and lets
do follows from their roles.
"""
COMMENT = re.compile(
    r"COMMENT ON (?:VIEW (?P<view>dash\.\w+)|COLUMN dash\.\w+\.(?P<column>\w+)) IS\s+"
    r"'(?P<text>(?:[^']|'')*)';"
)
USERS_HEAD = """# Users of the database

What each user may do that `fairlead database prepare` makes. Made from the table of grants by
`make schemas`; a test compares it with what PostgreSQL says. How to use them is in
[Prepare the database](../how-to/database.md).

Of rows that belong to an account, the users of the engine see those of all accounts; `fairlead_web`
sees those of the account that its transaction names."""
USED_BY = {
    "ingress": "For `fairlead run ingress`.",
    "allocator": "For `fairlead run allocator`, the only one that writes events.",
    "projector": "For `fairlead run projector`.",
    "gateway": "For `fairlead run gateway`, the only role that reads tokens.",
    "clock": "For `fairlead run clock`.",
    "commands": "For every command that a person gives, but `fairlead database prepare`.",
    "web": "For what serves people, an account at a time.",
}
USED_BY_DASH = """For SQL of people and of Grafana, an account at a time: it reads the views of
[the schema dash](dash.md), and nothing else."""
COMMANDS_HEAD = """# Commands

Everything `fairlead` can do. Made from the command line itself by `make schemas`;
`fairlead COMMAND --help` prints the same.

`--data FOLDER` names the embedded installation and defaults to `fairlead-data`; `FAIRLEAD_DATA`
saves repeating it. In the distributed installation the [settings](../settings.md) name the database
and the brokers instead. `--account ID` is needed only where several accounts are connected.
"""
RULES_HEAD = """# The rules file

What each field means. Made from `contracts/schemas/rules.schema.json` by `make schemas`; editors
that know JSON schema show the same while you type. How to write one is in
[Write the rules](../how-to/write-rules.md); what follows from it in every case, in the
[behaviour](../distribution.md).

Fields in **bold** must be there. All ids are Kommo's.
"""
# Options that many commands have, told once at the top of the page.
SHARED = {"data", "account"}


def commands() -> str:
    """The page of commands."""
    found = list(_leaves(typer.main.get_command(app), ()))
    parts = [COMMANDS_HEAD, "| command | does |\n|---|---|"]
    for path, command in found:
        name = " ".join(path)
        anchor = name.replace(" ", "-")
        parts.append(f"| [`{name}`](#{anchor}) | {_cell(_sentences(command)[0])} |")
    for path, command in found:
        parts.append("\n".join(_section(path, command)))
    return "\n".join(parts) + "\n"


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - typer's click is its own
    under = getattr(command, "commands", None)
    if under is None:
        yield path, command
        return
    for name in under:
        if not under[name].hidden:
            yield from _leaves(under[name], (*path, name))


def _sentences(command: Any) -> list[str]:  # noqa: ANN401
    """The paragraphs of a command's help, each in one line."""
    return [" ".join(part.split()) for part in (command.help or "").split("\n\n")]


def _section(path: tuple[str, ...], command: Any) -> Iterator[str]:  # noqa: ANN401
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [
        each
        for each in command.params
        if each.param_type_name == "option" and each.name not in SHARED | {"help"}
    ]
    context = typer.Context(command, info_name=f"fairlead {' '.join(path)}")
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"\n## {' '.join(path)}\n\n```text\n{usage}\n```\n"
    yield "\n\n".join(_sentences(command))
    if arguments or options:
        yield "\n| | default | |\n|---|---|---|"
    for each in arguments:
        yield f"| `{each.get_usage_pieces(context)[0]}` | | {_cell(each.help or '')} |"
    for each in options:
        names = ", ".join(f"`{name}`" for name in reversed(each.opts))
        default = "" if each.default in (None, "", False) else f"`{_plain(each.default)}`"
        if each.required:
            default = "required"
        variable = f" (`{each.envvar}`)" if each.envvar else ""
        yield f"| {names} | {default} | {_cell(each.help or '')}{variable} |"


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def rules_file() -> str:
    """The page of the rules file."""
    schema = json.loads(RULES_SCHEMA.read_text(encoding="utf-8"))
    sections = dict(_reached("the whole file", schema, schema["$defs"]))
    parts = [RULES_HEAD]
    for name, section in sections.items():
        parts.append(f"## {_title(name)}\n\n{section['description'].strip()}\n")
        parts.append("| field | value | default | meaning |\n|---|---|---|---|")
        required = section.get("required", [])
        for field, given in section["properties"].items():
            shown = f"**`{field}`**" if field in required else f"`{field}`"
            default = _default(given)
            kind = _kind(given, schema["$defs"])
            parts.append(f"| {shown} | {kind} | {default} | {_cell(given['description'])} |")
        parts.append("")
    parts.append("## Example\n\nThe file `contracts/schemas/rules.example.yaml` uses all of it:\n")
    parts.append(f"```yaml\n{EXAMPLE.read_text(encoding='utf-8').strip()}\n```")
    return "\n".join(parts) + "\n"


def _reached(
    name: str, section: dict[str, Any], defs: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A section, then those its fields lead to, each where it is first met."""
    yield name, section
    for given in section["properties"].values():
        for reference in _references(given):
            yield from _reached(reference, defs[reference], defs)


def _references(given: Any) -> Iterator[str]:  # noqa: ANN401 - a part of a JSON schema
    if isinstance(given, dict):
        if "$ref" in given:
            yield given["$ref"].rpartition("/")[2]
        for value in given.values():
            yield from _references(value)
    elif isinstance(given, list):
        for value in given:
            yield from _references(value)


def _title(name: str) -> str:
    """`DutyManagerSection` as `Duty manager`."""
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name.removesuffix("Section"))
    return words.strip().capitalize()


def _link(name: str) -> str:
    title = _title(name)
    return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"


def _default(given: dict[str, Any]) -> str:
    default = given.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""
    return f"`{_written(default)}`"


def _written(value: Any) -> str:  # noqa: ANN401 - a value of a JSON schema
    """As it is written in YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def _kind(given: dict[str, Any], defs: dict[str, Any]) -> str:
    """What may stand there, in words."""
    if "$ref" in given:
        return _link(given["$ref"].rpartition("/")[2])
    if "anyOf" in given:
        types = [each.get("type") for each in given["anyOf"]]
        # A decimal may come as a text, too; nobody has to know.
        unsaid = {"null", "string"} if "number" in types else {"null"}
        arms = [each for each in given["anyOf"] if each.get("type") not in unsaid]
        return " or ".join(dict.fromkeys(_kind(each, defs) for each in arms))
    if "enum" in given or "const" in given:
        values = given.get("enum", [given.get("const")])
        return ", ".join(f"`{_written(each)}`" for each in values)
    match given.get("type"):
        case "array":
            return f"list of {_kind(given['items'], defs)}"
        case "object":
            ((pattern, values),) = given["patternProperties"].items()
            keys = "by weekday" if "mon" in pattern else "by name"
            return f"{keys}: {_kind(values, defs)}"
        case _:
            return _scalar(given)


def _scalar(given: dict[str, Any]) -> str:
    match given.get("type"):
        case "integer":
            return "id" if "exclusiveMinimum" in given else f"whole number{_bounds(given)}"
        case "number":
            return f"number{_bounds(given)}"
        case "boolean":
            return "`true`, `false`"
        case "string" if "format" in given:
            return {"date": "date", "date-time": "instant"}[given["format"]]
        case "string" if given.get("pattern", "").startswith("^([01]"):
            return "`HH:MM-HH:MM`"
        case _:
            return "text"


def _bounds(given: dict[str, Any]) -> str:
    low = given.get("minimum")
    high = given.get("maximum")
    if low is None and high is None:
        return ""
    return f", {low:.0f} to {high:.0f}" if high is not None else f", from {low:.0f}"


def database_users() -> str:
    """The page of the database's users."""
    parts = [USERS_HEAD]
    for user in USERS:
        name = user.removeprefix(PREFIX)
        owns = " It makes read models anew, which are its own." if user in MAKERS_OF_VIEWS else ""
        parts.append(f"\n## {user}\n\n{USED_BY[name]}{owns}\n\n| on | may |\n|---|---|")
        parts += [
            f"| {_place(key)} | {may} |"
            for key, may in GRANTS[name].items()
            if not key.startswith(SEQUENCE)
        ]
    parts.append(f"\n## {FOR_DASH}\n\n{USED_BY_DASH}")
    return "\n".join(parts) + "\n"


def _place(key: str) -> str:
    schema, _, table = key.rpartition(".")
    where = {"*": "every read model", "": ""}.get(schema, f"`{schema}`")
    if table == "*":
        return f"every table of {where or '`public`'}"
    return f"`{table}` of {where}" if schema == "*" else f"`{key}`"


def dash() -> str:
    """The page of the schema dash."""
    parts = [DASH_HEAD]
    for projection in PROJECTIONS:
        for found in COMMENT.finditer(statements(projection.NAME)):
            text = _cell(found["text"].replace("''", "'"))
            if found["view"]:
                parts.append(f"\n## {found['view']}\n\n{text}\n\n| column | meaning |\n|---|---|")
            else:
                parts.append(f"| `{found['column']}` | {text} |")
    return "\n".join(parts) + "\n"


def endpoints() -> str:
    """The page of endpoints: what is written by hand, then what the role `web` serves."""
    by_hand, _, _ = ENDPOINTS.read_text(encoding="utf-8").partition(WEB_HEAD)
    parts = [by_hand.rstrip("\n") + WEB_HEAD, WHO_TEXT, ROUTES_HEAD]
    for module in RESOURCES:
        for route in module.router.routes:
            entry = ROUTES[route.operation_id]
            parts.append(_endpoint(route.path, route.methods, _who(entry), route.summary))
    parts += [WIDGET_HEAD, ROUTES_HEAD]
    for module in WIDGET_RESOURCES:
        for route in module.router.routes:
            entry = WIDGET_ROUTES[route.operation_id]
            who = (
                "whoever brings Kommo's one-time token" if entry.about == "anybody" else _who(entry)
            )
            parts.append(_endpoint(route.path, route.methods, who, route.summary))
    parts += [
        _endpoint(FRAME, {"GET"}, "the account's own pages, as a frame", FRAME_IS),
        _endpoint(f"{FRAME}/a/{{account_id}}/...", {"GET", "POST"}, *FRAMED),
    ]
    parts += [PAGES_HEAD, ROUTES_HEAD]
    parts += [
        _endpoint(route.path, {"GET", "HEAD"}, "everybody", PAGE_OF[route.path])
        for route in create_pages().routes
        if isinstance(route, Route)
    ]
    parts += [CONSOLE_HEAD, "| path | methods | answers |\n|---|---|---|"]
    for screen in SCREENS:
        for route in screen.router.routes:
            methods = ", ".join(sorted(route.methods))
            answers = (route.endpoint.__doc__ or "").split("\n\n")[0]
            parts.append(f"| `{route.path}` | {methods} | {_cell(answers)} |")
    return "\n".join(parts) + "\n"


def _endpoint(path: str, methods: Iterable[str], who: str, answers: str) -> str:
    return f"| `{path}` | {', '.join(sorted(methods))} | {who} | {_cell(answers)} |"


def _who(entry: RouteEntry) -> str:
    if entry.scope is None:
        return "whoever works there" if entry.about == "session" else "whoever has a key"
    return (
        f"`{entry.scope}`, or `self` about oneself" if entry.is_own_enough else f"`{entry.scope}`"
    )


def main() -> None:
    """Write all."""
    ENDPOINTS.write_text(endpoints(), encoding="utf-8")
    DASH.write_text(dash(), encoding="utf-8")
    DATABASE_USERS.write_text(database_users(), encoding="utf-8")
    COMMANDS.parent.mkdir(exist_ok=True)
    COMMANDS.write_text(commands(), encoding="utf-8")
    RULES_FILE.write_text(rules_file(), encoding="utf-8")


if __name__ == "__main__":
    main()
