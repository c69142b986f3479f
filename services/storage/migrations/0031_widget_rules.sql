-- By what ingress knows that a trigger of the widget is the account's: the secret of the address
-- that is written into its archive, and the key that each of its triggers carries.
CREATE TABLE widget_hooks (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    sealed bytea NOT NULL,
    sha256 bytea NOT NULL UNIQUE,
    key_sha256 bytea NOT NULL UNIQUE,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- What somebody filled into the form of a trigger: each change another revision, none of which is
-- ever changed. One comes into force when a trigger of Kommo carries it.
CREATE TABLE widget_rules (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    rule_id text NOT NULL,
    revision bigint NOT NULL,
    pipeline_id bigint NOT NULL,
    stage_id bigint NOT NULL,
    form jsonb NOT NULL,
    section jsonb NOT NULL,
    -- The rule that this one was, on this stage, before somebody made it separate.
    separated_from text,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, rule_id, revision)
);
