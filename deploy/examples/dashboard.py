"""A dashboard of an account, on one page, from nothing but the API; needs nothing but Python.

export FAIRLEAD_URL=... FAIRLEAD_ACCOUNT=... FAIRLEAD_KEY=...    # scope `read`
python dashboard.py dashboard.html           # written anew whenever something happens
python dashboard.py --once dashboard.html
"""

import argparse
import html
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

ANSWERS_WITHIN_S = 60
WAIT_S = 30
# Worth another try, after what the answer says.
LATER = (429, 503)
STYLE = "body{font:1rem sans-serif;margin:2rem}td,th{padding:.2rem .8rem;text-align:left}"


class Api:
    """One account, as a key sees it."""

    def __init__(self, url: str, account: str, key: str) -> None:
        self._root = f"{url}/api/v1/accounts/{account}"
        self._headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - as urlencode has it
        """An answer; one that says "later" is asked for again then.

        Raises:
            HTTPError: It is a problem.
        """
        asked = f"{self._root}/{path}?{urlencode(query, doseq=True)}"
        while True:
            try:
                request = Request(asked, headers=self._headers)  # noqa: S310 - the address is ours
                with urlopen(request, timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310
                    found: dict[str, Any] = json.load(answer)
                    return found
            except HTTPError as error:
                if error.code not in LATER:
                    raise
                time.sleep(int(error.headers.get("Retry-After") or 1))

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """Everything in a list, page after page."""
        page = self.get(path, limit=200, **query)
        yield from page["items"]
        while page["next"] is not None:
            page = self.get(path, limit=200, cursor=page["next"], **query)
            yield from page["items"]


def page_of(api: Api, version: int) -> str:
    """The dashboard as it is now, with at least so many of the account's events in it."""
    given = {
        each["manager_id"]: each for each in api.items("tallies", by="manager", min_version=version)
    }
    managers = [
        (
            each["name"] or each["manager_id"],
            _stands(each),
            each["open_leads"],
            given.get(each["manager_id"], {}).get("given", 0),
        )
        for each in api.items("managers", min_version=version)
    ]
    waiting = [
        (each["lead_id"], each["rule_id"], each["reason"], each["next_look_at"])
        for each in api.items("requests", state="waiting", min_version=version)
    ]
    return "\n".join(
        (
            "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=5>",
            f"<title>Fairlead</title><style>{STYLE}</style>",
            "<h1>Who got what today</h1>",
            *_table(("manager", "stands", "open leads", "got today"), managers),
            "<h1>What waits</h1>",
            *(
                _table(("lead", "rule", "why", "next look"), waiting)
                if waiting
                else ["<p>Nothing waits.</p>"]
            ),
        )
    )


def _stands(manager: dict[str, Any]) -> str:
    if manager["pause"] is not None:
        return f"paused: {manager['pause']['reason'] or 'no reason given'}"
    if manager["absent_until"] is not None:
        return f"absent until {manager['absent_until']}"
    return "at work" if manager["is_at_work"] else "not at work"


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield f"<table><tr>{_cells('th', head)}</tr>"
    yield from (f"<tr>{_cells('td', row)}</tr>" for row in rows)
    yield "</table>"


def _cells(tag: str, values: Iterable[object]) -> str:
    return "".join(f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values)


def _write(api: Api, path: Path, version: int) -> None:
    aside = path.with_suffix(".new")
    aside.write_text(page_of(api, version), encoding="utf-8")
    aside.replace(path)  # a browser never finds half of it


def follow(api: Api, path: Path) -> None:
    """Write the page anew whenever something happens."""
    place = api.get("events", limit=1)["as_of_version"]
    while True:
        _write(api, path, place)  # an event is told before the lists show it
        news: list[Any] = []
        while not news:
            page = api.get("events", after=place, wait=WAIT_S, limit=1_000)
            place, news = page["next_after"], page["items"]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Write a dashboard of an account.")
    parser.add_argument("page", type=Path, help="The file to write.")
    parser.add_argument("--once", action="store_true", help="Write it once.")
    options = parser.parse_args()
    names = ("FAIRLEAD_URL", "FAIRLEAD_ACCOUNT", "FAIRLEAD_KEY")
    if missing := [name for name in names if not os.environ.get(name)]:
        sys.exit(f"Export {', '.join(missing)} first.")
    api = Api(*(os.environ[name] for name in names))
    try:
        _write(api, options.page, 0) if options.once else follow(api, options.page)
    except HTTPError as error:
        sys.exit(f"{error.code}: {json.load(error)['detail']}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
