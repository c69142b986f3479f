"""How a job stands, in sentences."""

from contracts.sentences import Sentence, sentence
from services.application.jobs.giving import reason_of
from services.storage.jobs import StoredJob

ENDINGS = {
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/vnd.apache.parquet": "parquet",
    "text/csv": "csv",
}
SHOWN_OF_ID = slice(len("job-"), len("job-") + 8)


def file_name(job: StoredJob) -> str:
    """Under which its result is kept by whoever fetches it."""
    return f"{job.kind}-{job.job_id[SHOWN_OF_ID]}.{ENDINGS[job.form]}"


def told(job: StoredJob) -> list[Sentence]:
    """What became of it, and why; its result is its own."""
    kind = sentence(f"job.kind.{job.kind}")
    head = sentence("job.asked", kind=kind, by=job.given_by, at=job.given_at)
    match job.state:
        case "queued":
            return [head, sentence("job.queued")]
        case "running":
            return [head, sentence("job.running", percent=job.progress // 10)]
        case "cancelled":
            return [head, sentence("job.cancelled")]
        case "failed":
            reason = reason_of(job)
            return [head, sentence("job.failed"), *([] if reason is None else [reason])]
        case "finished":
            ended = sentence("job.finished", at=job.ended_at or job.given_at)
            if job.row_count is None:
                return [head, ended]
            rows = [sentence("job.rows", count=job.row_count)]
            if job.next_before is not None:
                rows.append(sentence("job.more_rows", before=job.next_before))
            return [head, ended, *rows]
