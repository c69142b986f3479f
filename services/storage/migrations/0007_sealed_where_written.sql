-- As `append_events_v1`, which a release before this one still calls; but what is not understood
-- comes sealed (S21).
CREATE FUNCTION append_events_v2(
    consumer_ text, source_ text, position_ bigint,
    account_ids bigint[], versions bigint[], topics text[], states bytea[], decision_keys text[],
    dead_account_ids bigint[], dead_sources text[], dead_positions bigint[], dead_reasons text[],
    dead_content_types text[], dead_bodies bytea[], dead_sizes integer[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM append_events_v1(
        consumer_, source_, position_, account_ids, versions, topics, states, decision_keys,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}'
    );
    INSERT INTO dead_letters
        (account_id, source, position, reason, content_type, body, size, is_sealed)
    SELECT account_id, source, position, reason, content_type, body, size, true
    FROM unnest(dead_account_ids, dead_sources, dead_positions, dead_reasons,
                dead_content_types, dead_bodies, dead_sizes)
        AS dead (account_id, source, position, reason, content_type, body, size)
    ON CONFLICT (source, position) WHERE position IS NOT NULL DO NOTHING;
END $$;
