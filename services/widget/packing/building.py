"""One command, one archive: the same bytes from the same source and the same answers."""

import json
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pydantic import SecretStr

from services.widget.packing.source import LOCALES, Build, sources

# The oldest that a zip can tell; nothing in the archive knows when it was made.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
ORDINARY_FILE = 0o100644 << 16
UNIX = 3
MENU = {"fairlead": {"title": "menu.title", "icon": "images/menu.svg"}}
ORIGIN_LINE = re.compile(r"^  ORIGIN: '[^']*',$", re.MULTILINE)
PRIVACY_LINE = re.compile(r"^  PRIVACY: '[^']*',$", re.MULTILINE)
OWN_MODULE = re.compile(r"(?<=')\./[a-z_/]+\.js(?=')")


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetBuild:
    """What is to be built.

    Attributes:
        build: For one account, or for everybody.
        origin: Of the server that the widget talks to, such as `https://leads.example.com`.
        webhook_url: Where Kommo reports triggers, with a secret in it.
        version: Has to grow with each upload: what browsers keep is kept under it.
        support_link: Where people find help.
        support_email: The same, by mail.
        privacy_link: What happens to people's data; `{language}` in it becomes the reader's. Empty
            for none, which no published widget may have.
    """

    build: Build
    origin: str
    webhook_url: SecretStr
    version: str
    support_link: str
    support_email: str
    privacy_link: str = ""


def archive(wanted: WidgetBuild) -> bytes:
    """The zip; nothing in it is compressed, so that no library's version can change its bytes."""
    files = sources(wanted.build)
    files["manifest.json"] = _manifest(json.loads(files["manifest.json"]), wanted)
    for path, content in files.items():
        if path.endswith(".js"):
            files[path] = _script(path, content.decode(), wanted).encode()
    return _packed(files)


def _manifest(template: dict[str, Any], wanted: WidgetBuild) -> bytes:
    locales = LOCALES[wanted.build]
    widget, tour = template["widget"], template["tour"]
    widget["version"] = wanted.version
    widget["locale"] = list(locales)
    widget["support"] = {"link": wanted.support_link, "email": wanted.support_email}
    tour["tour_images"] = {locale: ["/images/tour_1.png"] for locale in locales}
    template["dp"]["webhook_url"] = wanted.webhook_url.get_secret_value()
    if wanted.build == "private":
        template["locations"].append("everywhere")
    else:
        template["locations"].append("widget_page")
        template["left_menu"] = MENU
    return (json.dumps(template, indent=2, ensure_ascii=False) + "\n").encode()


def _script(path: str, text: str, wanted: WidgetBuild) -> str:
    """With our server's origin, and own modules asked for by version.

    Kommo raises the version for `script.js` alone: without it in their names a browser would mix
    the files of two uploads.
    """
    if path == "js/constants.js":
        text = ORIGIN_LINE.sub(f"  ORIGIN: '{wanted.origin}',", text)
        text = PRIVACY_LINE.sub(f"  PRIVACY: '{wanted.privacy_link}',", text)
    return OWN_MODULE.sub(lambda module: f"{module[0]}?v={wanted.version}", text)


def _packed(files: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as bundle:
        for path, content in sorted(files.items()):
            entry = ZipInfo(path, LONG_AGO)
            entry.create_system, entry.external_attr = UNIX, ORDINARY_FILE
            bundle.writestr(entry, content)
    return packed.getvalue()
