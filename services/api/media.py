"""In which form an answer is wanted (`Accept`)."""

from collections.abc import Sequence

from services.web.problems import HttpProblem

JSON = "application/json"
CSV = "text/csv"
JSON_LINES = "application/jsonl"
YAML = "application/yaml"
# Of before there was a registered name.
NDJSON = "application/x-ndjson"
PARTS_MAX = 32


def chosen(accept: str | None, offers: Sequence[str]) -> str:
    """The form that is wanted most; of several wanted alike, the first that is offered.

    Raises:
        HttpProblem: None of them is wanted.
    """
    wanted = _wanted(accept or "*/*")
    best, found = 0.0, ""
    for offer in offers:
        kind = offer.partition("/")[0]
        quality = next(
            (wanted[each] for each in (offer, f"{kind}/*", "*/*") if each in wanted), 0.0
        )
        if quality > best:
            best, found = quality, offer
    if not found:
        raise HttpProblem("not-acceptable", f"Accept one of: {', '.join(offers)}.")
    return found


def _wanted(accept: str) -> dict[str, float]:
    """Form to how much it is wanted, from 0 to 1."""
    found: dict[str, float] = {}
    for part in accept.split(",")[:PARTS_MAX]:
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter.removeprefix("q="))
                except ValueError:
                    quality = 0.0
        found[name] = quality
    return found
