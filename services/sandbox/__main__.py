"""Runs a sandbox as a process: `python -m services.sandbox --leads 1000 --port-file FILE`."""

import argparse
import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import uvloop

from services.sandbox.app import Neighbour, running_sandbox
from services.sandbox.harness.by_hand import shown_by_hand
from services.sandbox.seed import Seed, add_widgets, build, integrations_of
from services.shared.with_stdin import stopping_with_stdin


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    options = _options()
    seed = Seed()
    if options.seed is not None:
        seed = Seed.model_validate_json(options.seed.read_bytes())
    if options.leads is not None:
        seed = seed.model_copy(update={"leads": options.leads})
    tokens = _tokens(options.token_file, 1 + len(seed.neighbours))
    uvloop.run(_serve(seed, tokens, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m services.sandbox",
        description=f"{__doc__} Further accounts of a seed have files of their own: FILE.2 ...",
    )
    parser.add_argument("--port", type=int, default=0, help="port on loopback, 0 for any")
    parser.add_argument(
        "--port-file", type=Path, help="file for the base URLs, a line for each account"
    )
    parser.add_argument("--seed", type=Path, help="JSON file with the account to start with")
    parser.add_argument("--leads", type=int, help="leads in the Inbox at the start")
    parser.add_argument(
        "--token-file",
        type=Path,
        help="file with the administrator's token; made with a random one if missing."
        " Else the token is taken from FAIRLEAD_SANDBOX_TOKEN.",
    )
    parser.add_argument(
        "--harness", type=Path, metavar="ZIP", help="widget to look at in the first account"
    )
    parser.add_argument(
        "--while-stdin-is-open", action="store_true", help="end with whoever started it"
    )
    return parser.parse_args()


def _tokens(path: Path | None, accounts: int) -> list[str]:
    """One token for each account."""
    if path is None:
        first = os.environ.get("FAIRLEAD_SANDBOX_TOKEN", "") or secrets.token_urlsafe(32)
        return [first, *(secrets.token_urlsafe(32) for _ in range(accounts - 1))]
    return [_token(_of_account(path, place)) for place in range(accounts)]


def _token(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def _of_account(path: Path, place: int) -> Path:
    """The file of one of several accounts: those of all but the first end in its number."""
    return path.with_name(f"{path.name}.{place + 1}") if place else path


async def _serve(seed: Seed, tokens: Sequence[str], options: argparse.Namespace) -> None:
    port_file, archive = options.port_file, options.harness
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    seeds = [seed, *seed.neighbours]
    accounts = [
        build(each, token, place=place)
        for place, (each, token) in enumerate(zip(seeds, tokens, strict=True))
    ]
    for account in accounts:
        add_widgets(account, seed)
    neighbours = [
        Neighbour(account=account, knobs=each.knobs)
        for account, each in zip(accounts[1:], seed.neighbours, strict=True)
    ]
    async with (
        stopping_with_stdin(stopped) if options.while_stdin_is_open else nullcontext(),
        running_sandbox(
            accounts[0], seed.knobs, port=options.port, neighbours=neighbours
        ) as sandbox,
    ):
        sandbox.crm.oauth.integrations.update(integrations_of(seed))
        addresses = [each.base_url for each in (sandbox, *sandbox.neighbours)]
        # The first is the one that somebody waits for, so it is written last.
        if port_file is not None:
            for place, address in reversed(list(enumerate(addresses))):
                _write_whole(_of_account(port_file, place), address)
        sys.stdout.writelines(f"{address}\n" for address in addresses)
        if archive is not None:
            sys.stdout.write(shown_by_hand(sandbox, archive))
        sys.stdout.flush()
        await stopped.wait()


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader who polls never sees a part."""
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text, encoding="ascii")
    draft.replace(path)


if __name__ == "__main__":
    main()
