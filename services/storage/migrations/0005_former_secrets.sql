-- Webhook secrets that were replaced and still work for a while, so that nothing is lost while the
-- new address is put into the triggers (S1).
CREATE TABLE former_secrets (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    account_id bigint NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    valid_until timestamptz NOT NULL
);
