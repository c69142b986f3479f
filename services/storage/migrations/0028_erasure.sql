-- Keys under which what is about people is sealed, one per account and subject: a day of raw
-- bodies (`day/2026-11-30`), a manager's texts (`manager/501`). Sealed with the master key in their
-- turn; whoever deletes one has erased everything under it (S21).
CREATE TABLE data_keys (
    account_id bigint NOT NULL,
    subject text NOT NULL,
    key_id bytea NOT NULL UNIQUE,
    key_sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, subject)
);

-- What people write for the record: events hold only the id of a text.
CREATE TABLE private_texts (
    account_id bigint NOT NULL,
    text_id text NOT NULL,
    manager_id bigint NOT NULL,
    lead_id bigint,
    text_sealed bytea NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, text_id)
);
CREATE INDEX private_texts_manager_idx ON private_texts (account_id, manager_id);

-- Who and what was erased stays erased: names that Kommo tells again are not kept again.
CREATE TABLE erasures (
    account_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('lead', 'contact', 'manager')),
    id bigint NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    erased_by text NOT NULL,
    PRIMARY KEY (account_id, kind, id)
);
