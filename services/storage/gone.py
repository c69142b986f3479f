"""What the rules in force name and Kommo has no more: users who left, stages that are put away.

Both are read from tables that are there anyway: the rules in force, and the account as it was
described last, at most an hour ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.storage.database import Connection

# `left`: deactivated, or not listed any more. `archived`: the stage's pipeline is. `deleted`: the
# stage is not listed.
How = Literal["left", "archived", "deleted"]

# Only of an account that was described: else nobody knows who is there. Whom and what Kommo lists
# is taken apart once, not for each name in the rules.
SELECT = """
WITH known AS MATERIALIZED (
    SELECT account_id, rules->'rules' AS rules, directory->'users' AS users,
        directory->'pipelines' AS pipelines
    FROM readings.rules JOIN accounts USING (account_id)
    WHERE $1::bigint[] IS NULL OR account_id = ANY ($1)
), part AS MATERIALIZED (
    SELECT account_id, rule.part, rule.part->>'id' AS rule_id, users <> '[]' AS has_users,
        pipelines <> '[]' AS has_pipelines
    FROM known, jsonb_array_elements(rules) AS rule (part)
), users AS MATERIALIZED (
    SELECT DISTINCT ON (account_id, person->'id') account_id, person->'id' AS id,
        person->>'name' AS name, person->'is_active' = 'false' AS is_gone
    FROM known, jsonb_array_elements(users) WITH ORDINALITY AS listed (person, place)
    ORDER BY account_id, person->'id', place
), listed_stages AS MATERIALIZED (
    SELECT DISTINCT ON (account_id, pipeline->'id', stage->'id') account_id,
        pipeline->'id' AS pipeline, stage->'id' AS id,
        (pipeline->>'name') || ' / ' || (stage->>'name') AS name,
        pipeline->'is_archive' = 'true' AS is_gone
    FROM known, jsonb_array_elements(pipelines) WITH ORDINALITY AS listed (pipeline, place),
        jsonb_array_elements(pipeline->'stages') WITH ORDINALITY AS inside (stage, number)
    ORDER BY account_id, pipeline->'id', stage->'id', place, number
), people AS (
    SELECT account_id, rule_id, person.id FROM part, LATERAL (
        SELECT jsonb_path_query(part.part, '$.**.manager')
        UNION SELECT part.part #> '{duty,fallback}'
    ) AS person (id)
    WHERE jsonb_typeof(person.id) = 'number' AND has_users
), stages AS (
    SELECT account_id, rule_id, at.stage->'pipeline' AS pipeline, at.stage->'stage' AS id
    FROM part, jsonb_array_elements(part.part->'stages') AS at (stage)
    WHERE has_pipelines
), found AS (
    SELECT account_id, 0 AS pipeline_id, id::bigint, rule_id, coalesce(name, '') AS name,
        'left' AS how
    FROM people LEFT JOIN users USING (account_id, id)
    WHERE users.account_id IS NULL OR is_gone
    UNION ALL
    SELECT account_id, pipeline::bigint, id::bigint, rule_id, coalesce(name, ''),
        CASE WHEN name IS NULL THEN 'deleted' ELSE 'archived' END
    FROM stages LEFT JOIN listed_stages USING (account_id, pipeline, id)
    WHERE name IS NULL OR is_gone
)
SELECT account_id, pipeline_id, id, how, min(name) AS name,
    array_agg(DISTINCT rule_id) AS rule_ids
FROM found GROUP BY account_id, pipeline_id, id, how ORDER BY account_id, pipeline_id, id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneName:
    """A user or a stage that rules in force name.

    Attributes:
        pipeline_id: Of a stage; 0 of a user.
        id: Kommo's, of the user or the stage.
        name: As Kommo had it; empty if it was never known.
        rule_ids: Of the rules that name it.
    """

    account_id: int
    pipeline_id: int
    id: int
    how: How
    name: str
    rule_ids: tuple[str, ...]

    @property
    def what(self) -> str:
        """By ids alone, for whoever counts: names are people's."""
        if self.how == "left":
            return f"manager {self.id}"
        return f"stage {self.pipeline_id}/{self.id}"


async def gone(connection: Connection, account_ids: Sequence[int] | None = None) -> list[GoneName]:
    """Everything of the kind, of some accounts or of all."""
    rows = await connection.fetch(SELECT, account_ids)
    return [GoneName(**{**row, "rule_ids": tuple(sorted(row["rule_ids"]))}) for row in rows]
