-- Who looked at what (A9.3): a line for each look at other people's explanations, states, exports.
CREATE TABLE access_log (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    account_id bigint,
    principal text NOT NULL,
    whence text NOT NULL,
    what text NOT NULL,
    ids bigint[] NOT NULL,
    request_id text NOT NULL
);
CREATE INDEX access_log_account_idx ON access_log (account_id, id);
CREATE INDEX access_log_at_idx ON access_log (at);
