-- Deeds that move many leads (S32): beyond some an hour, a second administrator has to agree.
CREATE TABLE wide_deeds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    principal text NOT NULL,
    what text NOT NULL,
    digest bytea NOT NULL,
    leads integer NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    approved_by text,
    approved_at timestamptz,
    -- When it was let pass; a deed passes once.
    passed_at timestamptz
);
CREATE INDEX wide_deeds_account_idx ON wide_deeds (account_id, id);
