"""Texts: the same keys in every language, none empty, and a name that moderation takes."""

import re

from services.widget.checking.bundle import CheckedArchive

NAME_MAX, WORD_MAX, SHORT_MAX, DESCRIPTION_MAX = 30, 19, 50, 400
_CYRILLIC = re.compile(r"[Ѐ-ӿ]")
_RUSSIAN_HOST = re.compile(r"\.ru\b", re.IGNORECASE)
_BY_WHOM = re.compile(r"\b(via|by)\b", re.IGNORECASE)


def check_texts(bundle: CheckedArchive) -> None:
    """All languages against the first, then each by itself."""
    if not bundle.texts:
        bundle.refuse("i18n/", "has no language: i18n/en.json at least")
        return
    first = "en" if "en" in bundle.texts else min(bundle.texts)
    for locale, texts in sorted(bundle.texts.items()):
        place = f"i18n/{locale}.json"
        for key in sorted(bundle.texts[first].keys() - texts.keys()):
            bundle.refuse(place, f"{key} is missing; i18n/{first}.json has it")
        for key in sorted(texts.keys() - bundle.texts[first].keys()):
            bundle.refuse(place, f"{key} is not in i18n/{first}.json")
        for key, text in texts.items():
            if not text.strip():
                bundle.refuse(place, f"{key} is empty")
            if _may_not_be_russian(bundle, locale) and _CYRILLIC.search(text):
                bundle.refuse(place, f"{key} has Cyrillic letters")
            if _RUSSIAN_HOST.search(text):
                bundle.refuse(place, f"{key} names an address that ends in .ru")
        _check_names(bundle, place, texts)


def _may_not_be_russian(bundle: CheckedArchive, locale: str) -> bool:
    """What is published; a private widget may speak the language of its account."""
    return bundle.build == "public" or locale != "ru"


def _check_names(bundle: CheckedArchive, place: str, texts: dict[str, str]) -> None:
    name = texts.get("widget.name", "")
    if name:
        _check_length(bundle, place, "widget.name", name, NAME_MAX)
        if not _BY_WHOM.search(name):
            bundle.refuse(place, "widget.name does not say whose it is: end it with 'by' or 'via'")
        if "kommo" in name.lower():
            bundle.refuse(place, "widget.name must not have 'Kommo' in it")
        for word in name.split():
            if len(word) > WORD_MAX:
                bundle.refuse(place, f"widget.name has a word over {WORD_MAX} letters: {word}")
    _check_length(
        bundle,
        place,
        "widget.short_description",
        texts.get("widget.short_description", ""),
        SHORT_MAX,
    )
    _check_length(
        bundle, place, "widget.description", texts.get("widget.description", ""), DESCRIPTION_MAX
    )


def _check_length(bundle: CheckedArchive, place: str, key: str, text: str, most: int) -> None:
    if len(text) > most:
        bundle.refuse(place, f"{key} has {len(text)} characters, {most} at most are taken")
