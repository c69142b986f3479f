-- A hash chain over the events of each account (S23): who alters, removes, inserts or reorders one
-- afterwards breaks it. The link of an event is SHA-256 over the link before it, its version, its
-- name, a zero byte and its stored bytes, which hold its time.

-- The links of consecutive events from `first` on, 32 bytes each: one row for each append.
CREATE TABLE account_links (
    account_id bigint NOT NULL,
    first bigint NOT NULL,
    links bytea NOT NULL CHECK (length(links) > 0 AND length(links) % 32 = 0),
    PRIMARY KEY (account_id, first)
);
ALTER TABLE account_links ALTER COLUMN links SET STORAGE EXTERNAL;  -- hashes do not compress

-- The link of the newest event; NULL while older events have none yet.
ALTER TABLE account_heads ADD COLUMN link bytea CHECK (length(link) = 32);

-- What the first event of an account is linked to: chains of two accounts are never the same.
CREATE FUNCTION chain_root_v1(account_id_ bigint) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT sha256(decode('fairlead chain 1/account-' || account_id_, 'escape'))
$$;

-- The links of consecutive events, one behind the other.
CREATE FUNCTION chain_links_v1(before bytea, versions bigint[], topics text[], states bytea[])
RETURNS bytea LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
DECLARE
    event record;
    link bytea := before;
    links bytea[] := '{}';
BEGIN
    FOR event IN
        SELECT version, topic, state FROM unnest(versions, topics, states)
            AS batch (version, topic, state)
    LOOP
        link := sha256(link || int8send(event.version) || convert_to(event.topic, 'UTF8')
            || '\x00'::bytea || event.state);
        links := array_append(links, link);
    END LOOP;
    RETURN (SELECT string_agg(each, ''::bytea ORDER BY place)
            FROM unnest(links) WITH ORDINALITY AS linked (each, place));
END $$;

-- Links the next events that have no link, at most so many; how many there were, 0 when none is
-- left. The lock on the head keeps appends and others who do the same away for that long.
CREATE FUNCTION link_old_events_v1(account_id_ bigint, events_max integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    head record;
    done record;
    piece record;
    linked bytea;
BEGIN
    SELECT version, link INTO head FROM account_heads
    WHERE account_id = account_id_ FOR UPDATE;
    IF NOT FOUND OR head.link IS NOT NULL THEN
        RETURN 0;
    END IF;
    SELECT first - 1 + length(links) / 32 AS version, substring(links FROM length(links) - 31)
        AS link INTO done
    FROM account_links WHERE account_id = account_id_ ORDER BY first DESC LIMIT 1;

    -- Up to the first one that is missing.
    SELECT array_agg(version ORDER BY version) AS versions,
        array_agg(topic ORDER BY version) AS topics,
        array_agg(state ORDER BY version) AS states,
        min(version) AS first, max(version) AS last, count(*) AS events INTO piece
    FROM (
        SELECT originator_version AS version, topic, state,
            row_number() OVER (ORDER BY originator_version) AS place
        FROM account_events
        WHERE originator_id = 'account-' || account_id_
            AND originator_version > coalesce(done.version, 0)
        ORDER BY originator_version LIMIT events_max
    ) AS unlinked
    WHERE version = coalesce(done.version, 0) + place;
    IF piece.events = 0 THEN
        RAISE EXCEPTION 'account % lacks events behind %', account_id_, coalesce(done.version, 0)
            USING ERRCODE = 'FL003', DETAIL = coalesce(done.version, 0) + 1;
    END IF;
    linked := chain_links_v1(coalesce(done.link, chain_root_v1(account_id_)),
        piece.versions, piece.topics, piece.states);
    INSERT INTO account_links (account_id, first, links) VALUES (account_id_, piece.first, linked);
    IF piece.last = head.version THEN
        UPDATE account_heads SET link = substring(linked FROM length(linked) - 31)
        WHERE account_id = account_id_;
    END IF;
    RETURN piece.events;
END $$;

-- As before, and links what it appends.
CREATE OR REPLACE FUNCTION append_events_v1(
    consumer_ text, source_ text, position_ bigint,
    account_ids bigint[], versions bigint[], topics text[], states bytea[], decision_keys text[],
    dead_account_ids bigint[], dead_sources text[], dead_positions bigint[], dead_reasons text[],
    dead_content_types text[], dead_bodies bytea[], dead_sizes integer[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part record;
    before bytea;
    linked bytea;
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
        SELECT account_id, min(version) AS first, max(version) AS last, count(*) AS events,
            array_agg(version ORDER BY version) AS versions,
            array_agg(topic ORDER BY version) AS topics,
            array_agg(state ORDER BY version) AS states
        FROM unnest(account_ids, versions, topics, states)
            AS batch (account_id, version, topic, state)
        GROUP BY account_id ORDER BY account_id
    LOOP
        IF part.first = 1 THEN
            before := chain_root_v1(part.account_id);
            linked := chain_links_v1(before, part.versions, part.topics, part.states);
            INSERT INTO account_heads (account_id, version, link)
            VALUES (part.account_id, part.last, substring(linked FROM length(linked) - 31))
            ON CONFLICT (account_id) DO NOTHING;
        ELSE
            SELECT link INTO before FROM account_heads
            WHERE account_id = part.account_id AND version = part.first - 1 FOR UPDATE;
            -- NULL while older events have no link: whoever links those links these as well.
            linked := chain_links_v1(before, part.versions, part.topics, part.states);
            UPDATE account_heads
            SET version = part.last, link = substring(linked FROM length(linked) - 31)
            WHERE account_id = part.account_id AND version = part.first - 1;
        END IF;
        -- A repeat inside the batch is caught by the primary key below.
        IF NOT FOUND OR part.last - part.first + 1 <> part.events THEN
            RAISE EXCEPTION 'account % is not at version %', part.account_id, part.first - 1
                USING ERRCODE = 'FL002';
        END IF;
        IF linked IS NOT NULL THEN
            INSERT INTO account_links (account_id, first, links)
            VALUES (part.account_id, part.first, linked);
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
