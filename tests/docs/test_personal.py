"""What is kept about people stands in a table: a column without a line fails (S22)."""

import re
from pathlib import Path
from typing import Any

from services.projector.schema import prepare
from tests.docs.pages import DOCS

PAGE = Path(DOCS / "how-to" / "access.md").read_text()
ELSEWHERE = Path(DOCS / "how-to" / "erase.md").read_text()
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
    "rules_texts",
    "widget_proofs",
    "widget_sessions",
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
    "rules_texts.content",
    "rules_texts.sha256",
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
    "widget_proofs.sha256",
    "widget_sessions.role",
    "widget_sessions.sha256",
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


# Elsewhere: by the name of the column, whichever table it is of; ids of ours, digests, sealed keys
# of ours, words of a fixed set, and what rules name.
IMPERSONAL_NAMES = re.compile(
    r"(.*_)?(id|ids|sha256|digest|link|links|sealed|former_sealed|token_encrypted|key_sealed"
    r"|secret_sealed|position|consumer|source|topic|originator_id|decision_key|content_type"
    r"|failure|refused_because|redirect_uri|refresh_sealed|subdomain|base_url|timezone|kind|kinds|state|how|cause|because|reason|ledger|what|whats"
    r"|objects|parts|rules|lines|hours|wording|target|name|url|events|type|error|off_because|subject"
    r"|address|holder|next_page|entity|status|checksum|revision|version|units)"
)
ALL_COLUMNS = """
SELECT CASE table_schema WHEN 'public' THEN '' ELSE table_schema || '.' END
    || table_name || '.' || column_name
FROM information_schema.columns JOIN information_schema.tables
    USING (table_catalog, table_schema, table_name)
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')
    AND NOT (table_schema = 'public' AND table_name = ANY($1))
    AND data_type IN ('text', 'jsonb', 'json', 'bytea', 'ARRAY')
    AND udt_name NOT IN ('_int4', '_int8', '_timestamptz')
"""


async def test_S22_what_is_kept_of_people_in_kommo_stands_in_a_table_too(pool: Any) -> None:
    await prepare(pool)
    found = {row[0] for row in await pool.fetch(ALL_COLUMNS, TABLES)}
    told = set(re.findall(r"`((?:[a-z_]+\.)+[a-z_0-9]+)`", ELSEWHERE))
    impersonal = {each for each in found if IMPERSONAL_NAMES.fullmatch(each.rpartition(".")[2])}

    assert told <= found
    assert found - impersonal - told == set()
    # These names stand for something harmless elsewhere.
    assert {"dead_letters.body", "private_texts.text_sealed", "accounts.directory"} <= told
