-- One-time tokens of Kommo that have opened a session of the widget: a page that keeps one for a
-- while shows it again (S6).
CREATE TABLE widget_proofs (
    sha256 bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    user_id bigint NOT NULL,
    origin text NOT NULL,
    uses integer NOT NULL DEFAULT 1,
    expires_at timestamptz NOT NULL
);
CREATE INDEX widget_proofs_expires_at_idx ON widget_proofs (expires_at);

-- Who works in the widget, for ten minutes each; of what their browser holds, a digest is kept.
CREATE TABLE widget_sessions (
    sha256 bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    user_id bigint NOT NULL,
    role text NOT NULL,
    origin text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX widget_sessions_expires_at_idx ON widget_sessions (expires_at);
