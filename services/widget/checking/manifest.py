"""The manifest: what must be in it, and that it agrees with files, texts and scripts."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.widget.checking.bundle import CheckedArchive

PLACE = "manifest.json"
TEXT_KEYS = ("name", "description", "short_description")
# Locations that Kommo knows, and what of the widget is called there.
LOCATIONS = {
    "lcard": "render_template",
    "ccard": "render_template",
    "comcard": "render_template",
    "llist": "selected",
    "clist": "selected",
    "tlist": "selected",
    "settings": "settings",
    "advanced_settings": "advancedSettings",
    "card_sdk": "loadPreloadedData",
    "catalogs": "loadElements",
    "digital_pipeline": "dpSettings",
    "lead_sources": "onSource",
    "widget_page": "initMenuPage",
    "sms": "sms",
    "mobile_card": "",
    "salesbot_designer": "onSalesbotDesignerSave",
    "website_chat_button": "",
    "ai_agent": "",
    "everywhere": "page:changed",
}
# What comes as a pair: a block of the manifest with the location that it is for.
BLOCKS = {"dp": "digital_pipeline", "advanced": "advanced_settings", "left_menu": "widget_page"}
SETTING_TYPES = ("text", "pass", "users", "users_lp", "custom")
TOUR_MAX = 5
INTERFACE = 2
_VERSION = re.compile(r"^\d+\.\d+\.\d+$")


def check_manifest(bundle: CheckedArchive, *, former: str | None = None) -> None:
    """All of it.

    Args:
        bundle: The archive.
        former: The version that was uploaded before; this one has to be higher.
    """
    if not bundle.manifest:
        return
    _check_widget(bundle, former)
    _check_locations(bundle)
    _check_settings(bundle)
    _check_trigger(bundle)
    _check_tour(bundle)
    for at, key in _text_keys(bundle.manifest):
        for locale, texts in sorted(bundle.texts.items()):
            if key not in texts:
                bundle.refuse(PLACE, f"{at} is {key}, which i18n/{locale}.json does not have")


def version_of(bundle: CheckedArchive) -> str:
    """As the manifest says it; empty if it says none."""
    return str(_part(bundle.manifest, "widget").get("version", ""))


def _part(whole: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = whole.get(key)
    return found if isinstance(found, dict) else {}


def _check_widget(bundle: CheckedArchive, former: str | None) -> None:
    widget = _part(bundle.manifest, "widget")
    for key in TEXT_KEYS:
        if not isinstance(widget.get(key), str):
            bundle.refuse(PLACE, f"widget.{key} is missing: the key of a text")
    version = version_of(bundle)
    if not _VERSION.match(version):
        bundle.refuse(PLACE, "widget.version is not of the form 1.0.0")
    elif former is not None and _numbers(version) <= _numbers(former):
        bundle.refuse(PLACE, f"widget.version is {version}; it has to be above {former}")
    if widget.get("interface_version") != INTERFACE:
        bundle.refuse(PLACE, f"widget.interface_version is not {INTERFACE}")
    if not isinstance(widget.get("installation"), bool):
        bundle.refuse(PLACE, "widget.installation is not true or false")
    support = _part(widget, "support")
    if not str(support.get("link", "")).startswith("https://") or "@" not in str(
        support.get("email", "")
    ):
        bundle.refuse(PLACE, "widget.support needs a link (https) and an email")
    _check_locales(bundle, widget.get("locale"))


def _check_locales(bundle: CheckedArchive, locales: object) -> None:
    if not isinstance(locales, list) or not locales:
        bundle.refuse(PLACE, 'widget.locale is missing: a list such as ["en"]')
        return
    for locale in locales:
        if locale not in bundle.texts:
            bundle.refuse(PLACE, f"widget.locale has {locale}, and there is no i18n/{locale}.json")
    for locale in sorted(bundle.texts.keys() - set(locales)):
        bundle.refuse(f"i18n/{locale}.json", "is a language that widget.locale does not name")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _check_locations(bundle: CheckedArchive) -> None:
    locations = bundle.manifest.get("locations")
    if not isinstance(locations, list) or not locations:
        bundle.refuse(PLACE, 'locations is missing: a list such as ["lcard-1", "settings"]')
        return
    scripts = "".join(bundle.text(path) for path in bundle.files if path.endswith(".js"))
    plain = set()
    for location in map(str, locations):
        name, _, side = location.partition("-")
        if name not in LOCATIONS or side not in ("", "0", "1"):
            bundle.refuse(PLACE, f"locations has {location}, which Kommo does not know")
        elif LOCATIONS[name] not in scripts:
            bundle.refuse(
                PLACE, f"locations has {location}; no script has {LOCATIONS[name]} for it"
            )
        if name in plain:
            bundle.refuse(PLACE, f"locations names {name} twice: -0 or -1, not both")
        plain.add(name)
    if bundle.build == "public" and "everywhere" in plain:
        bundle.refuse(PLACE, "locations has everywhere, which is for private widgets only")
    for block, location in BLOCKS.items():
        if (block in bundle.manifest) != (location in plain):
            bundle.refuse(PLACE, f"{block} and the location {location} go together: both or none")
    if "advanced" in bundle.manifest and not _part(bundle.manifest, "advanced").get("title"):
        bundle.refuse(PLACE, "advanced.title is missing: the key of a text")


def _check_settings(bundle: CheckedArchive) -> None:
    settings = _part(bundle.manifest, "settings")
    if _part(bundle.manifest, "widget").get("installation") and not settings:
        bundle.refuse(PLACE, "settings is missing, and widget.installation is true")
    customs = 0
    for key, setting in settings.items():
        kind = setting.get("type") if isinstance(setting, dict) else None
        customs += kind == "custom"
        if kind not in SETTING_TYPES:
            bundle.refuse(PLACE, f"settings.{key}.type is not one of {', '.join(SETTING_TYPES)}")
    if customs > 1:
        bundle.refuse(PLACE, f"settings has {customs} of type custom; Kommo takes one")


def _check_trigger(bundle: CheckedArchive) -> None:
    if "dp" not in bundle.manifest:
        return
    trigger = _part(bundle.manifest, "dp")
    if not isinstance(trigger.get("action_multiple"), bool):
        bundle.refuse(PLACE, "dp.action_multiple is missing: true or false")
    if not str(trigger.get("webhook_url", "")).startswith("https://"):
        bundle.refuse(PLACE, "dp.webhook_url is not an https address")
    if not _part(trigger, "settings"):
        bundle.refuse(PLACE, "dp.settings is empty: then a trigger could carry nothing")


def _check_tour(bundle: CheckedArchive) -> None:
    tour = _part(bundle.manifest, "tour")
    if tour.get("is_tour") is not True:
        bundle.refuse(PLACE, "tour.is_tour is not true")
    images = _part(tour, "tour_images")
    for locale in _part(bundle.manifest, "widget").get("locale") or ():
        shown = images.get(locale)
        if not isinstance(shown, list) or not 1 <= len(shown) <= TOUR_MAX:
            bundle.refuse(PLACE, f"tour.tour_images.{locale} needs 1 to {TOUR_MAX} pictures")
            continue
        for path in map(str, shown):
            if path.lstrip("/") not in bundle.files:
                bundle.refuse(PLACE, f"tour.tour_images.{locale} names {path}, which is missing")


def _text_keys(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every key of a text in the manifest, with its place there."""
    widget, tour = _part(manifest, "widget"), _part(manifest, "tour")
    for key in TEXT_KEYS:
        if isinstance(widget.get(key), str):
            yield f"widget.{key}", widget[key]
    if isinstance(tour.get("tour_description"), str):
        yield "tour.tour_description", tour["tour_description"]
    if isinstance(_part(manifest, "advanced").get("title"), str):
        yield "advanced.title", manifest["advanced"]["title"]
    groups = {
        "settings": _part(manifest, "settings"),
        "dp.settings": _part(_part(manifest, "dp"), "settings"),
    }
    for at, group in groups.items():
        for key, setting in group.items():
            if isinstance(setting, dict) and isinstance(setting.get("name"), str):
                yield f"{at}.{key}.name", setting["name"]
    for code, entry in _part(manifest, "left_menu").items():
        if isinstance(entry, dict) and isinstance(entry.get("title"), str):
            yield f"left_menu.{code}.title", entry["title"]
