"""What is kept about people stands in a table: a column without a line fails (S22)."""

import re
from pathlib import Path
from typing import Any

from tests.docs.pages import DOCS

PAGE = Path(DOCS / "how-to" / "access.md").read_text()
TABLES = (
    "people",
    "grants",
    "invitations",
    "passwords",
    "one_time_codes",
    "recovery_codes",
    "passkeys",
    "outer_identities",
    "sign_in_steps",
    "sign_in_delays",
    "sign_in_log",
    "sessions",
    "access_keys",
    "wide_deeds",
    "access_log",
    "jobs",
    "kept_commands",
    "rules_drafts",
)
# Nobody is known by these: ids of ours and of Kommo, digests of chance, instants, what is from a
# fixed set.
IMPERSONAL_TYPES = {"timestamp with time zone", "integer", "bigint", "boolean"}
IMPERSONAL = {
    "access_keys.id",
    "access_keys.label",
    "access_keys.former_sha256",
    "access_keys.made_by",
    "access_keys.revoked_by",
    "access_keys.scopes",
    "access_keys.sha256",
    "access_log.ids",
    "access_log.request_id",
    "access_log.what",
    "grants.given_by",
    "grants.role",
    "invitations.given_by",
    "invitations.grants",
    "invitations.kind",
    "invitations.sha256",
    "jobs.form",
    "jobs.job_id",
    "jobs.kind",
    "jobs.reason",
    "jobs.request_id",
    "jobs.scopes",
    "jobs.sha256",
    "jobs.state",
    "jobs.worker",
    "kept_commands.digest",
    "kept_commands.operation_id",
    "rules_drafts.content",
    "rules_drafts.draft_id",
    "rules_drafts.name",
    "sessions.former_sha256",
    "sessions.how",
    "sessions.sha256",
    "sign_in_log.request_id",
    "sign_in_log.what",
    "sign_in_steps.purpose",
    "sign_in_steps.sha256",
    "wide_deeds.approved_by",
    "wide_deeds.digest",
    "wide_deeds.principal",
    "wide_deeds.refused_by",
    "wide_deeds.what",
}
COLUMNS = """
SELECT table_name || '.' || column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = ANY($1) AND data_type <> ALL($2)
"""


async def test_S22_every_personal_field_stands_in_the_table_with_why_and_how_long(
    pool: Any,
) -> None:
    found = {row[0] for row in await pool.fetch(COLUMNS, TABLES, [*IMPERSONAL_TYPES])}
    told = set(re.findall(r"`([a-z_]+\.[a-z_0-9]+)`", PAGE)) - {"sign_in_log.person_id"}

    assert found - IMPERSONAL == told
    assert found >= IMPERSONAL
