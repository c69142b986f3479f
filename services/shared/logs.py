"""Logging: one configuration for ours and the libraries' loggers, and no secret in any line.

    ours and stdlib records -> fields -> control characters escaped -> one line -> secrets masked

Masking is the last step, on the finished line, so that it also holds for tracebacks, for
`repr`s, and for what libraries say (S3, S19).
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from services.shared.plain_text import ESCAPES, ESCAPES_IN_TEXT

MASK = "***"
SECRET_LENGTH_MIN = 8  # shorter ones would mask ordinary words
# The secret part of a webhook's address, wherever an address appears.
PATH_SECRET = re.compile(r"(/(?:kommo|dp)/)[^/\s\"'?#]+")
# Chatty, or their lines carry addresses: uvicorn's access log, a line per request of httpx.
QUIET = {
    "uvicorn.access": logging.CRITICAL,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
}
MULTI_LINE = frozenset({"exception", "stack"})


class _Masks:
    """The secrets to hide, longest first: one within another leaves nothing of the longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: tuple[str, ...] = ()

    def add(self, value: str) -> None:
        if len(value) < SECRET_LENGTH_MIN or value in self._values:
            return
        with self._lock:
            # Also as it looks inside a JSON line.
            values = {*self._values, value, json.dumps(value)[1:-1]}
            self._values = tuple(sorted(values, key=len, reverse=True))

    def clean(self, line: str) -> str:
        for value in self._values:
            if value in line:
                line = line.replace(value, MASK)
        return PATH_SECRET.sub(rf"\1{MASK}", line)


_masks = _Masks()


def hide(secret: SecretStr | str) -> None:
    """Never let this value appear in a line again, in this process."""
    _masks.add(secret.get_secret_value() if isinstance(secret, SecretStr) else secret)


def masked(text: str) -> str:
    """The text without known secrets: for whatever else leaves the process."""
    return _masks.clean(text)


def configure_logging(
    stream: TextIO | None = None, *, json_lines: bool, level: str = "INFO", cache: bool = True
) -> None:
    """Send all logging of this process to one stream.

    Args:
        stream: Standard error if not given; standard output belongs to commands' answers.
        json_lines: One JSON object per line; else lines for a console.
        level: The least level that is written.
        cache: Faster; off in tests that replace the configuration.
    """
    stream = sys.stderr if stream is None else stream
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.StackInfoRenderer(),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _escape,
                renderer,
                _mask,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=cache,
    )


def _escape(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """No value can begin a line of its own or steer a terminal (S20)."""
    del logger, method
    return {
        _tame(key, ESCAPES): _tame(value, ESCAPES_IN_TEXT if key in MULTI_LINE else ESCAPES)
        for key, value in event.items()
    }


def _tame(value: Any, escapes: Mapping[int, str]) -> Any:  # noqa: ANN401 - anything is logged
    if isinstance(value, str):
        return value.translate(escapes)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_tame(str(key), escapes): _tame(item, escapes) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_tame(item, escapes) for item in value]
    return repr(value).translate(escapes)


def _mask(logger: WrappedLogger, method: str, line: Any) -> str:  # noqa: ANN401 - a rendered line
    del logger, method
    return _masks.clean(str(line))
