"""`fairlead jobs`: work that the API and the console have done beside them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.sentences import sentence
from services.cli.group import group
from services.cli.opening import AccountDesk, complete, for_account, log_all
from services.cli.options import DATA, AccountId, AsJson, Data
from services.cli.output import fail, say, show_table

if TYPE_CHECKING:
    from services.storage.jobs import StoredJob

app = group("See what the API and the console work on, and cancel it.")

JobId = Annotated[str, typer.Argument(help="As `jobs list` names it.")]


@app.command("list")
def list_(account: AccountId = None, data: Data = DATA, *, as_json: AsJson = False) -> None:
    """Show the jobs of the last day, the newest first."""

    async def work(desk: AccountDesk) -> None:
        from services.application.jobs.giving import newest
        from services.cli.documents import show_json

        found = await newest(desk.installation, desk.account, desk.principal)
        if as_json:
            show_json([_as_json(each) for each in found])
        elif not found:
            desk.tell(sentence("job.none"))
        else:
            show_table(
                ("job", "kind", "state", "done", "asked for by", "at"),
                [
                    (
                        each.job_id,
                        each.kind,
                        each.state,
                        desk.text(sentence("cell.percent", percent=each.progress // 10)),
                        each.given_by,
                        desk.text(sentence("cell.instant", at=each.given_at)),
                    )
                    for each in found
                ],
            )

    for_account(data, account, work)


@app.command()
def show(
    job: JobId,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Write its result to this file.", dir_okay=False),
    ] = None,
    account: AccountId = None,
    data: Data = DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show how a job stands, or write its result to a file."""

    async def work(desk: AccountDesk) -> None:
        from services.application.jobs.giving import state
        from services.cli.documents import show_json

        found = await state(desk.installation, desk.account, desk.principal, job)
        if as_json:
            show_json(_as_json(found))
        else:
            await _tell(desk, found)
        if output is not None:
            await _write(desk, job, output)

    for_account(data, account, work)


@app.command()
def cancel(job: JobId, account: AccountId = None, data: Data = DATA) -> None:
    """Have nobody work on a job any more."""

    async def work(desk: AccountDesk) -> None:
        from services.application.jobs.giving import cancel as cancel_job

        await _tell(desk, await cancel_job(desk.installation, desk.account, desk.principal, job))

    for_account(data, account, work)


@app.command()
def work(
    data: Data = DATA,
    *,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Logs as JSON lines.")] = False,
    while_stdin_is_open: Annotated[
        bool, typer.Option("--while-stdin-is-open", hidden=True)
    ] = False,
) -> None:
    """Do what waits, until nothing has for a while.

    The role `web` runs this by itself, in a process of its own, as often as there is something
    to do.
    """
    from services.runtime.job_worker import work_on_jobs

    log_all(as_json=json_logs)
    complete(work_on_jobs(data, with_stdin=while_stdin_is_open))


async def _write(desk: AccountDesk, job: str, output: Path) -> None:
    from services.application.jobs.giving import result

    _, parts = await result(desk.installation, desk.account, desk.principal, job)
    try:
        with output.open("wb") as file:
            async for part in parts:
                file.write(part)
    except OSError as error:
        fail(f"{output}: {error.strerror}")
    say(f"Written: {output}")


async def _tell(desk: AccountDesk, job: "StoredJob") -> None:
    from services.application.jobs.told import told

    lines = told(job)
    (await desk.knowing(lines)).tell(*lines)


def _as_json(job: "StoredJob") -> dict[str, object]:
    """What programs may want; whence somebody asked is for the access log."""
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "parameters": job.parameters,
        "given_by": job.given_by,
        "given_at": job.given_at,
        "state": job.state,
        "progress": job.progress,
        "attempts": job.attempts,
        "ended_at": job.ended_at,
        "form": job.form,
        "size_bytes": job.size_bytes,
        "row_count": job.row_count,
        "next_before": job.next_before,
        "sha256": None if job.sha256 is None else job.sha256.hex(),
    }
