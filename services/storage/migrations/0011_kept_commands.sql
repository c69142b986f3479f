-- What people asked for under which key, so that the same key means the same again (A5.2).
CREATE TABLE kept_commands (
    account_id bigint NOT NULL,
    operation_id text NOT NULL,
    given_by text NOT NULL,
    digest bytea NOT NULL,
    messages bytea[] NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, operation_id)
);
CREATE INDEX kept_commands_given_at_idx ON kept_commands (given_at);
