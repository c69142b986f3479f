"""PromQL as far as our alerts and panels use it, parsed strictly: what it reads, or what is wrong.

A query with a mistake is no error to Prometheus' users but silence: the alert never fires.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"\s*(?:(?P<duration>\d+(?:ms|[smhdwy]))|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<word>[a-zA-Z_:$][a-zA-Z0-9_:]*)|(?P<text>\"[^\"]*\")"
    r"|(?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^><=(){}\[\],]))"
)
AGGREGATIONS = {"sum", "max", "min", "avg", "count", "topk"}
# Function to whether its last argument is a range.
FUNCTIONS = {
    "abs": False,
    "clamp_min": False,
    "histogram_quantile": False,
    "increase": True,
    "max_over_time": True,
    "min_over_time": True,
    "rate": True,
}
OPERATORS = {"+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"}
MATCHES = {"=", "!=", "=~", "!~"}
# Grafana's, in place of a duration.
INTERVALS = {"$__rate_interval", "$__interval"}


class QueryRefused(Exception):
    """The query is wrong; says where."""


@dataclass(slots=True)
class Query:
    """What a query reads.

    Attributes:
        metrics: Sample names.
        labels: Names of labels in matchers and groupings.
    """

    metrics: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        QueryRefused: It is none, or uses what is not known here.
    """
    parser = _Parser(text)
    parser.expression()
    if parser.next is not None:
        raise QueryRefused(f"{text}: unexpected {parser.next!r}")
    return parser.found


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text.rstrip()):
        match = TOKEN.match(text, place)
        if match is None:
            raise QueryRefused(f"{text}: unreadable from {text[place:]!r}")
        yield match[0].strip()
        place = match.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*_tokens(text)]
        self._place = 0
        self.found = Query()

    @property
    def next(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self, *wanted: str) -> str:
        token = self.next
        if token is None or (wanted and token not in wanted):
            expected = " or ".join(wanted) or "more"
            raise QueryRefused(f"{self._text}: expected {expected}, not {token!r}")
        self._place += 1
        return token

    def expression(self) -> bool:
        """An operation; whether it is a range."""
        is_range = self._operand()
        while self.next in OPERATORS:
            self._take()
            is_range = self._operand() or is_range
        return is_range

    def _operand(self) -> bool:
        if self.next == "-":
            self._take()
        token = self._take()
        if token == "(":  # noqa: S105 - no password
            is_range = self.expression()
            self._take(")")
            return is_range
        if token in AGGREGATIONS:
            return self._aggregation()
        if token in FUNCTIONS:
            return self._call(token)
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return False
        if not re.fullmatch(r"[a-z][a-z0-9_]*", token) or self.next == "(":
            raise QueryRefused(f"{self._text}: {token!r} is no metric, function or number")
        return self._selector(token)

    def _aggregation(self) -> bool:
        if self.next in {"by", "without"}:
            self._grouping()
        self._take("(")
        if self._arguments():
            raise QueryRefused(f"{self._text}: a range cannot be aggregated")
        if self.next in {"by", "without"}:
            self._grouping()
        return False

    def _grouping(self) -> None:
        self._take("by", "without")
        self._take("(")
        while self.next != ")":
            self.found.labels.add(self._take())
            if self.next != ")":
                self._take(",")
        self._take(")")

    def _call(self, function: str) -> bool:
        self._take("(")
        if self._arguments() is not FUNCTIONS[function]:
            kind = "a range" if FUNCTIONS[function] else "an instant"
            raise QueryRefused(f"{self._text}: {function} takes {kind}")
        return False

    def _arguments(self) -> bool:
        is_range = self.expression()
        while self.next == ",":
            self._take()
            is_range = self.expression()
        self._take(")")
        return is_range

    def _selector(self, metric: str) -> bool:
        self.found.metrics.add(metric)
        if self.next == "{":
            self._take()
            while self.next != "}":
                self.found.labels.add(self._take())
                self._take(*MATCHES)
                if not self._take().startswith('"'):
                    raise QueryRefused(f"{self._text}: a label is compared with a text")
                if self.next != "}":
                    self._take(",")
            self._take("}")
        if self.next != "[":
            return False
        self._take()
        length = self._take()
        if length not in INTERVALS and not re.fullmatch(r"\d+[smhdw]", length):
            raise QueryRefused(f"{self._text}: {length!r} is no duration")
        self._take("]")
        return True
