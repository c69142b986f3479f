"""Which languages there are: complete ones only."""

from collections.abc import Iterable, Mapping, Sequence

ENGLISH = "en"
# Whoever adds one has filled its file (`make words LANGUAGE=ru`); a test sees that it is complete.
LISTED = (ENGLISH, "es", "pt_BR", "ru")
# Of every language that may be begun: what Babel knows as well, a tenth of a second later; a test
# compares.
HEADER_MAX = 300
DECIMAL_MARKS: Mapping[str, str] = {"en": ".", "es": ",", "pt_BR": ",", "ru": ","}


def best_of(wanted: Iterable[str], listed: Sequence[str] = LISTED) -> str:
    """The first language that is spoken here, `pt_BR` for `pt-BR` or `pt`, too; else English."""
    for language in wanted:
        given = language.partition(".")[0].replace("-", "_")
        alike = [each for each in listed if each.partition("_")[0] == given.partition("_")[0]]
        if alike:
            return given if given in alike else alike[0]
    return ENGLISH


def of_browser(header: str) -> str:
    """The language that a browser asks for first of those that are spoken here."""
    wanted = [each.partition(";q=") for each in header[:HEADER_MAX].split(",")]
    return best_of(name.strip() for name, _, _ in sorted(wanted, key=_weight, reverse=True))


def _weight(wanted: tuple[str, str, str]) -> float:
    try:
        return float(wanted[2] or 1)
    except ValueError:
        return 0


def of_environment(environment: Mapping[str, str]) -> str:
    """The language of a terminal, by the variables that decide it."""
    variables = ("LC_ALL", "LC_MESSAGES", "LANG")
    return best_of([environment[name] for name in variables if environment.get(name)][:1])
