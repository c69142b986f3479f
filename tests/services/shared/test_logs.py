"""Log lines: one shape for all loggers, one line each, no secret in any."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from services.shared.logs import configure_logging, hide, masked
from tests.support.plain_logs import log_plainly

CANARY = 'canary-"quoted"-secret'


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    log_plainly()


def lines(*, json_lines: bool = True) -> io.StringIO:
    out = io.StringIO()
    configure_logging(out, json_lines=json_lines, cache=False)
    return out


def test_ours_and_the_libraries_lines_have_one_shape() -> None:
    out = lines()
    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        structlog.get_logger().info("lead_assigned", lead_id=7)
        logging.getLogger("library").warning("said %s", "so", extra={"topic": "inbound"})

    ours, theirs = map(json.loads, out.getvalue().splitlines())
    assert (ours["event"], ours["lead_id"], ours["level"]) == ("lead_assigned", 7, "info")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["topic"]) == ("said so", "inbound")
    assert ours["correlation_id"] == theirs["correlation_id"] == "c-1"


@pytest.mark.parametrize("json_lines", [True, False])
def test_S19_no_secret_appears_in_any_line(*, json_lines: bool) -> None:
    out = lines(json_lines=json_lines)
    hide(SecretStr(CANARY))
    hide("short")  # too short to be a secret: it would mask ordinary words
    log = structlog.get_logger()

    log.info("connected", token=SecretStr(CANARY), headers={"Authorization": f"Bearer {CANARY}"})
    log.info("sent", body=CANARY.encode(), items=[CANARY], **{CANARY: 1})
    logging.getLogger("library").warning("failed with %s, in short", CANARY)
    try:
        int(CANARY)
    except ValueError:
        log.exception("broke")

    assert "canary" not in out.getvalue()
    assert "in short" in out.getvalue()
    assert "Traceback" in out.getvalue()
    assert masked(f"x{CANARY}") == "x***"


def test_S3_the_secret_in_a_webhooks_path_is_masked() -> None:
    out = lines()
    logging.getLogger("library").warning('"POST /kommo/abc_DEF-123/dp?x=1 HTTP/1.1" 200')
    structlog.get_logger().info("received", url="https://example.test/kommo/abc_DEF-123")
    structlog.get_logger().info("received", url="https://example.test/dp/abc_DEF-123/")

    assert "abc_DEF" not in out.getvalue()
    assert "/kommo/***/dp" in out.getvalue()


@pytest.mark.parametrize("json_lines", [True, False])
def test_S20_a_name_cannot_write_lines_or_steer_a_terminal(*, json_lines: bool) -> None:
    out = lines(json_lines=json_lines)
    name = "Ann\r\n2026 [error] forged\x1b[2J\x9b31m\u2028\u202e"
    structlog.get_logger().info("seen", name=name, nested={"deep": [name]})
    logging.getLogger("library").warning(name)

    assert len(out.getvalue().splitlines()) == 2
    assert not any(c in out.getvalue() for c in "\r\x1b\x9b\u2028\u202e")


def test_the_access_log_and_debug_lines_are_off() -> None:
    out = lines()
    logging.getLogger("uvicorn.access").info("GET /")
    logging.getLogger("httpx").info("HTTP Request: GET https://example.test")
    structlog.get_logger().debug("detail")

    assert out.getvalue() == ""
