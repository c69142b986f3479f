"""Runs a sandbox as a process: `python -m services.sandbox --leads 1000 --port-file FILE`."""

import argparse
import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path

import uvloop

from services.sandbox.app import running_sandbox
from services.sandbox.seed import Seed, build


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    options = _options()
    seed = Seed()
    if options.seed is not None:
        seed = Seed.model_validate_json(options.seed.read_bytes())
    if options.leads is not None:
        seed = seed.model_copy(update={"leads": options.leads})
    uvloop.run(_serve(seed, _token(options.token_file), options.port, options.port_file))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on loopback, 0 for any")
    parser.add_argument("--port-file", type=Path, help="file to write the base URL to")
    parser.add_argument("--seed", type=Path, help="JSON file with the account to start with")
    parser.add_argument("--leads", type=int, help="leads in the Inbox at the start")
    parser.add_argument(
        "--token-file",
        type=Path,
        help="file with the administrator's token; made with a random one if missing."
        " Else the token is taken from FAIRLEAD_SANDBOX_TOKEN.",
    )
    return parser.parse_args()


def _token(path: Path | None) -> str:
    if path is None:
        return os.environ.get("FAIRLEAD_SANDBOX_TOKEN", "") or secrets.token_urlsafe(32)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


async def _serve(seed: Seed, token: str, port: int, port_file: Path | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    account = build(seed, token)
    async with running_sandbox(account, seed.knobs, port=port) as sandbox:
        if port_file is not None:
            _write_whole(port_file, sandbox.base_url)
        sys.stdout.write(f"{sandbox.base_url}\n")
        sys.stdout.flush()
        await stopped.wait()


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader who polls never sees a part."""
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text, encoding="ascii")
    draft.replace(path)


if __name__ == "__main__":
    main()
