"""Logs of a test: as structlog has them by itself, but for its stacks."""

import structlog


def log_plainly() -> None:
    """Forget every configuration; stacks are without colours and without what their frames hold.

    Those take seconds each, where nobody looks at them.
    """
    structlog.reset_defaults()
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])
