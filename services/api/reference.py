"""The page of reference from the document, and a page for each problem; text stays text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import Template
from typing import Any, get_args

from contracts.sentences import sentence
from services.api.document import operations
from services.application.refused import Code
from services.pages.parts import escape, section, table
from services.web.faults import say
from services.web.problems import REFUSED_OTHERWISE, STATUS, HttpCode, title_of

Data = Mapping[str, Any]
OWN: frozenset[str] = frozenset(get_args(HttpCode))
REFUSED = 409
FRAME = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<link rel="stylesheet" href="$style">
</head>
<body>
<header>
<p class="brand">Fairlead</p>
<h1>$heading</h1>
<p class="facts">$facts</p>
</header>
<main>
$content</main>
</body>
</html>
""")


def reference_page(document: Data, *, style: str, raw: str) -> str:
    """Every operation by its resource, and every shape.

    Args:
        document: The OpenAPI document.
        style: Address of the style.
        raw: Address of the document itself.
    """
    by_tag: dict[str, list[tuple[str, str, Data]]] = {}
    for path, operation in operations(dict(document)):
        method = next(m for m, each in document["paths"][path].items() if each is operation)
        by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    told = {each["name"]: each.get("description", "") for each in document["tags"]}
    content = [
        "".join(f"<p>{escape(each)}</p>" for each in document["info"]["description"].split("\n\n")),
        f'<p><a href="{escape(raw)}">The document for tools (OpenAPI 3.1)</a></p>',
        _contents([*by_tag, "shapes", "problems"]),
    ]
    content += [_resource(tag, told.get(tag, ""), found) for tag, found in by_tag.items()]
    content.append(_shapes(document["components"]["schemas"]))
    content.append(_problems())
    return _framed("HTTP API", "HTTP API", "Everything under /api/v1.", content, style)


def problem_page(code: str, *, style: str) -> str:
    """What a problem means, and what to do about it."""
    status = STATUS[code] if code in STATUS else status_of(code)  # type: ignore[index] # of one of them
    do = sentence(f"problem.do.{_advice(code, status)}")
    content = [
        section("What to do", f"<p>{escape(say(do))}</p>"),
        section(
            "What the answer tells",
            f"<p>{escape(say(sentence('problem.answer')))}</p>",
        ),
        '<p><a href="/docs">The reference</a></p>',
    ]
    return _framed(title_of(code), title_of(code), f"Status {status}", content, style)


def status_of(code: str) -> int:
    """Of a refusal."""
    return REFUSED_OTHERWISE.get(code.replace("-", "_"), REFUSED)


def _advice(code: str, status: int) -> str:
    """Which advice; what the application refuses is alike by its status."""
    return code.replace("-", "_") if code in OWN else f"refused_{status}"


def _framed(title: str, heading: str, facts: str, content: Iterable[str], style: str) -> str:
    return FRAME.substitute(
        title=escape(f"Fairlead: {title}"),
        heading=escape(heading),
        facts=escape(facts),
        style=escape(style),
        content="\n".join(content),
    )


def _contents(names: Sequence[str]) -> str:
    links = "".join(
        f'<li><a href="#{escape(each)}">{escape(each.capitalize())}</a></li>' for each in names
    )
    return f'<nav aria-label="Resources"><ul>{links}</ul></nav>'


def _resource(tag: str, told: str, found: Sequence[tuple[str, str, Data]]) -> str:
    articles = "".join(_operation(*each) for each in found)
    inner = section(tag.capitalize(), articles, lead=told)
    return f'<div id="{escape(tag)}">{inner}</div>'


def _operation(method: str, path: str, operation: Data) -> str:
    name, scope = operation["operationId"], operation.get("x-fairlead-scope")
    wants = f"Wants {scope}" if scope else "Wants any key"
    if operation.get("x-fairlead-own"):
        wants += "; for oneself, self"
    parameters = operation.get("parameters", ())
    rows = [
        (
            each["name"],
            each["in"],
            _kind(each["schema"]),
            "yes" if each.get("required") else "no",
            each.get("description", ""),
        )
        for each in parameters
    ]
    names = ("Parameter", "In", "Kind", "Required", "What")
    return "".join(
        (
            f'<article id="{escape(name)}"><h3>{escape(operation["summary"])}</h3>',
            f'<p class="call"><b>{method}</b> <code>{escape(path)}</code></p>',
            f"<p>{escape(operation.get('description', ''))}</p>",
            f"<p>{escape(wants)}. <code>{escape(name)}</code></p>",
            table(names, rows, texts=range(5)) if rows else "",
            _body(operation),
            _answers(operation["responses"]),
            "</article>",
        )
    )


def _body(operation: Data) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    shapes = [f"{form}: {_linked(media.get('schema', {}))}" for form, media in content.items()]
    return f"<p>Body: {'; '.join(shapes)}</p>" if shapes else ""


def _answers(responses: Data) -> str:
    told: list[str] = []
    for status, response in responses.items():
        if "$ref" in response:
            told.append(escape(f"{status} {response['$ref'].rsplit('/', 1)[-1]}"))
            continue
        shapes = [
            _linked(media["schema"])
            for media in response.get("content", {}).values()
            if "$ref" in media.get("schema", {})
        ]
        told.append(f"{escape(status)} {', '.join(dict.fromkeys(shapes))}".strip())
    return f"<p>Answers: {'; '.join(told)}</p>"


def _shapes(schemas: Data) -> str:
    parts = "".join(_shape(name, schemas[name]) for name in sorted(schemas))
    return f'<div id="shapes">{section("Shapes", parts)}</div>'


def _shape(name: str, schema: Data) -> str:
    rows = [
        (field, _kind(each), each.get("description", ""), _example(each))
        for field, each in schema.get("properties", {}).items()
    ]
    head = f'<article id="{escape(name)}"><h3>{escape(name)}</h3>'
    told = f"<p>{escape(schema.get('description', ''))}</p>"
    body = table(("Field", "Kind", "What", "Example"), rows, texts=range(4)) if rows else ""
    return f"{head}{told}{body}</article>"


def _problems() -> str:
    refused = {each.replace("_", "-") for each in _codes(Code)}
    links = "".join(
        f'<li><a href="/problems/{escape(code)}">{escape(title_of(code))}</a></li>'
        for code in sorted({*STATUS, *refused})
    )
    return f'<div id="problems">{section("Problems", f"<ul>{links}</ul>")}</div>'


def _codes(closed: object) -> Iterator[str]:
    for each in get_args(closed):
        if isinstance(each, str):
            yield each
        else:
            yield from _codes(each)


def _kind(schema: Data) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = schema.get("type", "anything")
    bounds = [
        f"{name} {schema[key]}"
        for key, name in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("minLength", "characters at least"),
            ("maxLength", "characters at most"),
        )
        if key in schema
    ]
    return ", ".join((str(kind), *bounds))


def _linked(schema: Data) -> str:
    name = _kind(schema)
    return f'<a href="#{escape(name)}">{escape(name)}</a>' if "$ref" in schema else escape(name)


def _example(schema: Data) -> str:
    return str(schema["examples"][0]) if schema.get("examples") else ""
