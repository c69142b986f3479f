"""Every line of Kommo's publishing rules: an archive that breaks it, and what is said of it."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile

import pytest
from PIL import Image
from pydantic import SecretStr
from typer.testing import CliRunner

from services.cli.main import app
from services.widget.checking.bundle import NotAnArchiveError
from services.widget.checking.check import findings
from services.widget.packing.building import WidgetBuild, archive

Files = dict[str, bytes]


def files_of(build: Literal["private", "public"]) -> Files:
    wanted = WidgetBuild(
        build=build,
        origin="https://leads.example.com",
        webhook_url=SecretStr("https://leads.example.com/dp/secret/"),
        version="1.0.0",
        support_link="https://leads.example.com/help",
        support_email="help@example.com",
    )
    with ZipFile(BytesIO(archive(wanted))) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def zipped(folder: Path, files: Files, name: str = "widget.zip") -> str:
    path = folder / name
    with ZipFile(path, "w") as packed:
        for each, content in files.items():
            packed.writestr(each, content)
    return str(path)


@pytest.mark.parametrize("build", ["private", "public"])
def test_what_we_build_is_what_kommo_takes(
    tmp_path: Path, build: Literal["private", "public"]
) -> None:
    path = zipped(tmp_path, files_of(build))

    assert findings(path) == []
    assert findings(path, is_public=build == "public") == []


def put(path: str, content: bytes) -> Callable[[Files], None]:
    return lambda files: files.__setitem__(path, content)


def drop(path: str) -> Callable[[Files], None]:
    return lambda files: files.__delitem__(path)


def manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Files], None]:
    def broken(files: Files) -> None:
        whole = json.loads(files["manifest.json"])
        change(whole)
        files["manifest.json"] = json.dumps(whole).encode()

    return broken


def said(locale: str, key: str, text: str | None) -> Callable[[Files], None]:
    def broken(files: Files) -> None:
        whole = json.loads(files[f"i18n/{locale}.json"])
        *above, last = key.split(".")
        tree = whole
        for each in above:
            tree = tree.setdefault(each, {})
        if text is None:
            del tree[last]
        else:
            tree[last] = text
        files[f"i18n/{locale}.json"] = json.dumps(whole).encode()

    return broken


def script(*lines: str) -> Callable[[Files], None]:
    """These in a module of ours, from its second line on, each in a function of its own."""
    body = "\n".join(f"(function () {{ {line}\n}}());" for line in lines)

    def broken(files: Files) -> None:
        whole = files["js/constants.js"].decode()
        constants = whole[whole.index("{") : whole.rindex("}") + 1]
        files["js/constants.js"] = (
            f"define(['jquery'], function ($) {{\n{body}\nreturn {constants};\n}});\n".encode()
        )

    return broken


def style(rule: str) -> Callable[[Files], None]:
    return lambda files: files.__setitem__("style.css", files["style.css"] + rule.encode())


def picture(size: tuple[int, int], color: str = "#4477aa", kind: str = "PNG") -> bytes:
    drawn = BytesIO()
    Image.new("RGB", size, color).save(drawn, kind)
    return drawn.getvalue()


def renamed_manifest(files: Files) -> None:
    for path in list(files):
        files[f"widget/{path}"] = files.pop(path)


BROKEN: dict[str, tuple[Callable[[Files], None], str, str]] = {
    # the archive
    "in a folder": (renamed_manifest, "manifest.json", "not at the root"),
    "hidden file": (put(".DS_Store", b"x"), ".DS_Store", "hidden"),
    "source map": (put("script.js.map", b"{}"), "script.js.map", "source map"),
    "left over": (put("js/old.js", b"define([], 1);\n"), "js/old.js", "used by nothing"),
    "byte order mark": (put("style.css", b"\xef\xbb\xbf.fairlead{}"), "style.css", "byte order"),
    "line ends": (put("style.css", b".fairlead {\r\n}"), "style.css", "LF"),
    "not UTF-8": (put("style.css", b".fairlead { /* \xff */ }"), "style.css", "not UTF-8"),
    "no script": (drop("script.js"), "script.js", "missing"),
    # pictures
    "no logo": (drop("images/logo_min.png"), "images/logo_min.png", "84x84"),
    "logo's size": (put("images/logo.png", picture((130, 101))), "images/logo.png", "130x101"),
    "logo is a JPEG": (
        put("images/logo.png", picture((130, 100), kind="JPEG")),
        "images/logo.png",
        "PNG",
    ),
    "logo's weight": (
        lambda files: files.__setitem__(
            "images/logo.png", files["images/logo.png"] + bytes(310_000)
        ),
        "images/logo.png",
        "bytes",
    ),
    "unseen on white": (
        put("images/logo.png", picture((130, 100), "#eeeeee")),
        "images/logo.png",
        "#FFFFFF",
    ),
    "unseen on dark": (
        put("images/logo.png", picture((130, 100), "#101820")),
        "images/logo.png",
        "#153043",
    ),
    "trigger's logo": (drop("images/logo_dp.png"), "images/logo_dp.png", "174x109"),
    "tour's size": (put("images/tour_1.png", picture((1188, 600))), "images/tour_1.png", "616"),
    # manifest
    "no name": (manifest(lambda m: m["widget"].pop("name")), "manifest.json", "widget.name"),
    "version's form": (
        manifest(lambda m: m["widget"].update(version="1")),
        "manifest.json",
        "1.0.0",
    ),
    "interface": (
        manifest(lambda m: m["widget"].update(interface_version=1)),
        "manifest.json",
        "interface_version",
    ),
    "installation": (
        manifest(lambda m: m["widget"].pop("installation")),
        "manifest.json",
        "widget.installation",
    ),
    "support": (manifest(lambda m: m["widget"].pop("support")), "manifest.json", "support"),
    "language without file": (
        manifest(lambda m: m["widget"]["locale"].append("tr")),
        "manifest.json",
        "i18n/tr.json",
    ),
    "file without language": (
        manifest(lambda m: m["widget"]["locale"].remove("es")),
        "i18n/es.json",
        "does not name",
    ),
    "text key": (
        manifest(lambda m: m["widget"].update(name="widget.nothing")),
        "manifest.json",
        "widget.nothing",
    ),
    "unknown location": (
        manifest(lambda m: m["locations"].append("avatar")),
        "manifest.json",
        "avatar",
    ),
    "unused location": (
        manifest(lambda m: m["locations"].append("lead_sources")),
        "manifest.json",
        "onSource",
    ),
    "both sides": (
        manifest(lambda m: m["locations"].append("lcard-0")),
        "manifest.json",
        "lcard twice",
    ),
    "trigger without place": (
        manifest(lambda m: m["locations"].remove("digital_pipeline")),
        "manifest.json",
        "dp and the location",
    ),
    "action_multiple": (
        manifest(lambda m: m["dp"].pop("action_multiple")),
        "manifest.json",
        "action_multiple",
    ),
    "plain http": (
        manifest(lambda m: m["dp"].update(webhook_url="http://leads.example.com/")),
        "manifest.json",
        "https",
    ),
    "page without title": (
        manifest(lambda m: m.pop("advanced")),
        "manifest.json",
        "advanced and the location",
    ),
    "page without menu": (
        manifest(lambda m: m.pop("left_menu")),
        "manifest.json",
        "left_menu and the location",
    ),
    "no settings": (manifest(lambda m: m.pop("settings")), "manifest.json", "settings is missing"),
    "type of a setting": (
        manifest(lambda m: m["settings"]["config"].update(type="number")),
        "manifest.json",
        "settings.config.type",
    ),
    "two custom settings": (
        manifest(lambda m: m["settings"].update(other={"name": "widget.name", "type": "custom"})),
        "manifest.json",
        "2 of type custom",
    ),
    "no tour": (manifest(lambda m: m["tour"].update(is_tour=False)), "manifest.json", "is_tour"),
    "tour without pictures": (
        manifest(lambda m: m["tour"]["tour_images"].pop("es")),
        "manifest.json",
        "tour_images.es",
    ),
    # texts
    "key in one language": (said("es", "widget.more", "Más"), "i18n/es.json", "widget.more"),
    "key missing": (said("es", "widget.description", None), "i18n/es.json", "widget.description"),
    "empty text": (said("pt", "widget.description", " "), "i18n/pt.json", "empty"),
    "Cyrillic": (said("en", "widget.description", "Заявки"), "i18n/en.json", "Cyrillic"),
    "Russian address": (said("en", "widget.description", "See a.ru"), "i18n/en.json", ".ru"),
    "name's length": (said("en", "widget.name", "Leads " * 5 + "by Us"), "i18n/en.json", "35"),
    "name without maker": (said("en", "widget.name", "Leads"), "i18n/en.json", "by"),
    "Kommo's name": (said("en", "widget.name", "Kommo by Us"), "i18n/en.json", "Kommo"),
    "long word": (said("en", "widget.name", "L" * 20 + " by Us"), "i18n/en.json", "19 letters"),
    "short description": (
        said("en", "widget.short_description", "x" * 51),
        "i18n/en.json",
        "50 at most",
    ),
    "description": (said("en", "widget.description", "x" * 401), "i18n/en.json", "400 at most"),
    # styles
    "foreign selector": (style(".button { color: red }\n"), "style.css", ".button"),
    "Kommo's own box": (style(".fairlead p { color: red }\n"), "style.css", ".fairlead p does"),
    "mixed selectors": (style(".fairlead__root a, b { color: red }\n"), "style.css", "b does not"),
    "in a query": (style("@media print { p { color: red } }\n"), "style.css", "p does not"),
    "import": (style("@import 'other.css';\n"), "style.css", "imports"),
    "Kommo's variable": (
        style(":root { --palette-text-primary: red }\n"),
        "style.css",
        "--palette-text-primary",
    ),
    # scripts
    "not JavaScript": (put("script.js", b"define([], function () {"), "script.js", "parsed"),
    "two statements": (
        lambda files: files.__setitem__("script.js", files["script.js"] + b"\nvar a = 1;\n"),
        "script.js",
        "one call of define",
    ),
    "callback": (
        lambda files: files.__setitem__(
            "script.js", files["script.js"].replace(b"destroy:", b"gone:")
        ),
        "script.js",
        "destroy",
    ),
}

# A line in a script, and what is said of it.
LINES = {
    "leaked = 1;": "a global of leaked",
    "window.leaked = 1;": "a global of leaked",
    "APP.data.current_card = null;": "writes to APP",
    "eval('1');": "eval",
    "new Function('return 1');": "a function of a text",
    "setTimeout('a()', 1);": "a text to run",
    "alert('x');": "alert",
    "window.confirm('x');": "confirm",
    "console.log(1);": "console.log",
    "console.trace(1);": "console.trace",
    "$.ajax({ async: false });": "synchronously",
    "document.createElement('script');": "define",
    "$('a')[0].innerHTML = 'x';": "innerHTML",
    "$('a')[0].insertAdjacentHTML('beforeend', 'x');": "HTML",
    "$('a').html($.trim('x'));": ".html()",
    "document.write('x');": "document.write",
    "var a = AMOCRM.data;": "AMOCRM",
    "$('.switcher_x').hide();": "switcher_",
    "$('a').click();": "clicks",
    "$('a').trigger('click');": "clicks",
    "for (var i = 0; i < 3; i += 1) { $.ajax({}); }": "in a loop",
    "[1].forEach(function (one) { $.ajax({ url: one }); });": "in a loop",
    "var old = $.trim('x'); // $.ajax({});": "code in a comment",
    "var long = '" + "x" * 300 + "';": "minify",
    "var a = $?.fn;": "ES2017",
    "var a = $ ?? 1;": "ES2017",
    "var a = { ...$ };": "ES2017",
    "var { b, ...c } = $;": "ES2017",
    "try { $(); } catch { $(); }": "ES2017",
    "class A { b = 1; }": "ES2017",
    "class A { #b() { return 1; } }": "ES2017",
    "var a = 1_000;": "ES2017",
    "var a = 10n;": "ES2017",
    "var a = /x(?<y>z)/;": "ES2017",
    "var a = /x/s;": "ES2017",
    "async function* a() { yield 1; }": "ES2017",
    "import('x');": "ES2017",
}
# What looks alike and is right.
FINE = (
    "try { $(); } catch (error) { console.trace(error); }",
    "$.when().catch(function (error) { console.trace(error); });",
    "[1].forEach(function (one) { $('a').on('click', function () { $.ajax({ url: one }); }); });",
    "var a = $('a').html(); $('a').html('');",
    "var [a, { b: c }] = [1, { b: 2 }]; a = c; c = 1;",
    "var a = function (b, c = 1, ...d) { b = c; c = d; d = []; };",
    "async function a() { await $.when(); return 2 ** 3; }",
    "var a = [...'bc']; var b = (function (...c) { return c; })(...a);",
    "// A sentence of the makers (of this widget); it is no code.",
)


def broken(build: Literal["private", "public"], break_it: Callable[[Files], None]) -> Files:
    files = files_of(build)
    break_it(files)
    return files


@pytest.mark.parametrize(("break_it", "place", "words"), BROKEN.values(), ids=BROKEN)
def test_each_rule_that_is_broken_is_named_where_it_is(
    tmp_path: Path, break_it: Callable[[Files], None], place: str, words: str
) -> None:
    found = findings(zipped(tmp_path, broken("public", break_it)))

    assert [each for each in found if each.place.startswith(place) and words in each.said], found


def test_each_line_that_a_script_must_not_have_is_named(tmp_path: Path) -> None:
    found = findings(zipped(tmp_path, broken("public", script(*LINES))))

    place = {line: f"js/constants.js:{2 + 2 * number}" for number, line in enumerate(LINES)}
    unnamed = [
        line
        for line, words in LINES.items()
        if not any(each.place == place[line] and words in each.said for each in found)
    ]
    assert unnamed == [], found


def test_what_only_looks_forbidden_is_taken(tmp_path: Path) -> None:
    assert findings(zipped(tmp_path, broken("public", script(*FINE)))) == []


def test_everywhere_is_for_private_widgets_only(tmp_path: Path) -> None:
    path = zipped(tmp_path, files_of("private"))

    found = findings(path, is_public=True)

    assert any("everywhere" in each.said for each in found)
    assert any("Cyrillic" in each.said for each in found), "a private one may speak Russian"


def test_the_version_has_to_grow(tmp_path: Path) -> None:
    files = files_of("public")
    former = zipped(tmp_path, files, "former.zip")
    manifest(lambda m: m["widget"].update(version="1.0.10"))(files)
    later = zipped(tmp_path, files, "later.zip")

    assert findings(later, former=former) == []
    assert any("above 1.0.10" in each.said for each in findings(former, former=later))
    assert any("above 1.0.10" in each.said for each in findings(later, former=later))


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    text = tmp_path / "text.zip"
    text.write_bytes(b"no zip")
    many = zipped(tmp_path, {f"{number}.js": b"" for number in range(501)})

    for path in (str(text), many):
        with pytest.raises(NotAnArchiveError):
            findings(path)


def test_the_command_names_each_finding_and_ends_with_one(tmp_path: Path) -> None:
    good = zipped(tmp_path, files_of("public"), "good.zip")
    bad = zipped(tmp_path, broken("public", script("alert('x');")), "bad.zip")
    run = CliRunner()

    assert run.invoke(app, ["widget", "check", good, "--public"]).exit_code == 0
    told = run.invoke(app, ["widget", "check", bad])
    none = run.invoke(app, ["widget", "check", str(tmp_path / "none.zip")])

    assert (told.exit_code, none.exit_code) == (1, 2)
    assert "js/constants.js:2: calls alert" in told.output
