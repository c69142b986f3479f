-- Rules files that were applied, as somebody wrote them: by what they say, because an event keeps
-- what they say alone. Whoever changes rules begins with the text, its comments included.
CREATE TABLE rules_texts (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    sha256 bytea NOT NULL,
    content text NOT NULL,
    kept_by text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, sha256)
);
