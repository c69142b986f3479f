"""What the rules in force name and Kommo has no more: users who left, stages that are put away.

Both are read from tables that are there anyway: the rules in force, and the account as it was
described last, at most an hour ago.
"""

from dataclasses import dataclass
from typing import Literal

from services.storage.database import Connection

# `left`: deactivated, or not listed any more. `archived`: the stage's pipeline is. `deleted`: the
# stage is not listed.
How = Literal["left", "archived", "deleted"]

# Only of an account that was described: else nobody knows who is there.
SELECT = """
WITH part AS (
    SELECT account_id, directory, rule.part, rule.part->>'id' AS rule_id, rule.number
    FROM readings.rules AS known JOIN accounts USING (account_id),
        jsonb_array_elements(known.rules->'rules') WITH ORDINALITY AS rule (part, number)
    WHERE $1::bigint IS NULL OR account_id = $1
), people AS (
    SELECT account_id, directory, rule_id, number, person.id FROM part, LATERAL (
        SELECT jsonb_path_query(part.part, '$.**.manager')
        UNION SELECT part.part #> '{duty,fallback}'
    ) AS person (id)
    WHERE jsonb_typeof(person.id) = 'number' AND directory->'users' <> '[]'
), stages AS (
    SELECT account_id, directory, rule_id, number, at.stage->'pipeline' AS pipeline,
        at.stage->'stage' AS id
    FROM part, jsonb_array_elements(part.part->'stages') AS at (stage)
    WHERE directory->'pipelines' <> '[]'
), found AS (
    SELECT account_id, 0 AS pipeline_id, people.id::bigint, rule_id, number,
        coalesce(known.person->>'name', '') AS name, 'left' AS how
    FROM people LEFT JOIN LATERAL (
        SELECT person FROM jsonb_array_elements(directory->'users') AS listed (person)
        WHERE person->'id' = people.id LIMIT 1
    ) AS known ON true
    WHERE known.person IS NULL OR known.person->'is_active' = 'false'
    UNION ALL
    SELECT account_id, stages.pipeline::bigint, stages.id::bigint, rule_id, number,
        coalesce(known.name, ''), CASE WHEN known.name IS NULL THEN 'deleted' ELSE 'archived' END
    FROM stages LEFT JOIN LATERAL (
        SELECT (pipeline->>'name') || ' / ' || (stage->>'name') AS name,
            pipeline->'is_archive' = 'true' AS is_archive
        FROM jsonb_array_elements(directory->'pipelines') AS listed (pipeline),
            jsonb_array_elements(pipeline->'stages') AS inside (stage)
        WHERE pipeline->'id' = stages.pipeline AND stage->'id' = stages.id LIMIT 1
    ) AS known ON true
    WHERE known.name IS NULL OR known.is_archive
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


async def gone(connection: Connection, account_id: int | None = None) -> list[GoneName]:
    """Everything of the kind, of one account or of all."""
    rows = await connection.fetch(SELECT, account_id)
    return [GoneName(**{**row, "rule_ids": tuple(sorted(row["rule_ids"]))}) for row in rows]
