-- The event store: one row per event, the columns the eventsourcing library reads. The primary
-- key is the optimistic lock (I6).
CREATE TABLE account_events (
    originator_id text NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigserial,  -- an audit number, not an order: it may commit out of turn
    decision_key text,          -- "<request id>/<attempt>" of lead.assigned
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX account_events_notification_id_idx ON account_events (notification_id);
-- Nothing is decided twice (I3), whatever the code believes.
CREATE UNIQUE INDEX account_events_decision_key_idx
    ON account_events (originator_id, decision_key) WHERE decision_key IS NOT NULL;

-- The newest version per account, so that a reader finds who moved without reading events.
-- Updated by every append: room on the page keeps the update in place.
CREATE TABLE account_heads (
    account_id bigint PRIMARY KEY,
    version bigint NOT NULL
) WITH (fillfactor = 50);

-- How far each consumer has taken effect, stored in the transaction of that effect.
CREATE TABLE positions (
    consumer text NOT NULL,
    source text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (consumer, source)
) WITH (fillfactor = 50);

CREATE TABLE account_snapshots (
    account_id bigint NOT NULL,
    version bigint NOT NULL,
    revision integer NOT NULL,
    digest bytea NOT NULL,
    state bytea NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, version)
);

-- The inbound log of the embedded mode. The head's row lock makes positions gap-free and
-- visible in order within an account (F45).
CREATE TABLE inbound_log (
    account_id bigint NOT NULL,
    position bigint NOT NULL,
    value bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, position)
);
CREATE TABLE inbound_heads (
    account_id bigint PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 50);

-- What was not understood, kept for a person: whole, with the reason and where it came from.
CREATE TABLE dead_letters (
    id bigserial PRIMARY KEY,
    account_id bigint,
    source text NOT NULL,
    position bigint,
    received_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    content_type text NOT NULL DEFAULT '',
    body bytea NOT NULL,
    size integer NOT NULL,      -- of what came; more than the body when that was cut
    state text NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'replayed', 'dismissed')),
    state_changed_at timestamptz
);
CREATE UNIQUE INDEX dead_letters_source_position_idx
    ON dead_letters (source, position) WHERE position IS NOT NULL;
CREATE INDEX dead_letters_state_idx ON dead_letters (state, id);

CREATE TABLE accounts (
    account_id bigint PRIMARY KEY,
    subdomain text NOT NULL,
    base_url text NOT NULL,
    token_encrypted bytea NOT NULL,
    webhook_secret_sha256 bytea NOT NULL UNIQUE CHECK (length(webhook_secret_sha256) = 32),
    timezone text NOT NULL,
    directory jsonb NOT NULL DEFAULT '{}',  -- names of users and stages, for people to read
    connected_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Records events of one or several accounts, dead letters, and the consumed position: all or
-- nothing, one round trip. Locks are per (consumer, source) and per account, taken in ascending
-- order; no account waits for another.
CREATE FUNCTION append_events_v1(
    consumer_ text, source_ text, position_ bigint,
    account_ids bigint[], versions bigint[], topics text[], states bytea[], decision_keys text[],
    dead_account_ids bigint[], dead_sources text[], dead_positions bigint[], dead_reasons text[],
    dead_content_types text[], dead_bodies bytea[], dead_sizes integer[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part record;
BEGIN
    INSERT INTO positions AS held (consumer, source, position)
    VALUES (consumer_, source_, position_)
    ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position
    WHERE held.position < excluded.position;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'position % of % is recorded already', position_, source_
            USING ERRCODE = 'FL001';
    END IF;

    FOR part IN
        SELECT account_id, min(version) AS first, max(version) AS last, count(*) AS events
        FROM unnest(account_ids, versions) AS batch (account_id, version)
        GROUP BY account_id ORDER BY account_id
    LOOP
        IF part.first = 1 THEN
            INSERT INTO account_heads (account_id, version)
            VALUES (part.account_id, part.last) ON CONFLICT (account_id) DO NOTHING;
        ELSE
            UPDATE account_heads SET version = part.last
            WHERE account_id = part.account_id AND version = part.first - 1;
        END IF;
        -- A repeat inside the batch is caught by the primary key below.
        IF NOT FOUND OR part.last - part.first + 1 <> part.events THEN
            RAISE EXCEPTION 'account % is not at version %', part.account_id, part.first - 1
                USING ERRCODE = 'FL002';
        END IF;
    END LOOP;

    INSERT INTO account_events (originator_id, originator_version, topic, state, decision_key)
    SELECT 'account-' || account_id, version, topic, state, decision_key
    FROM unnest(account_ids, versions, topics, states, decision_keys)
        AS batch (account_id, version, topic, state, decision_key);

    INSERT INTO dead_letters
        (account_id, source, position, reason, content_type, body, size)
    SELECT account_id, source, position, reason, content_type, body, coalesce(size, length(body))
    FROM unnest(dead_account_ids, dead_sources, dead_positions, dead_reasons,
                dead_content_types, dead_bodies, dead_sizes)
        AS dead (account_id, source, position, reason, content_type, body, size)
    ON CONFLICT (source, position) WHERE position IS NOT NULL DO NOTHING;
END $$;
