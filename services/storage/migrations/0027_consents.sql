-- Integrations that accounts let in by OAuth 2.0: each with its own client id, secret and redirect.
CREATE TABLE integrations (
    client_id text PRIMARY KEY,
    name text NOT NULL,
    secret_sealed bytea NOT NULL,
    redirect_uri text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- No token: the account was disconnected by its own administrators, and none of ours is left.
ALTER TABLE accounts ALTER COLUMN token_encrypted DROP NOT NULL;
ALTER TABLE accounts ADD COLUMN token_expires_at timestamptz;
-- The integration that the token is of; a long-lived one that was typed is of none that we know.
ALTER TABLE accounts ADD COLUMN client_id text REFERENCES integrations;
-- When somebody last let us in; renewing the token changes nothing of it.
ALTER TABLE accounts ADD COLUMN admitted_at timestamptz NOT NULL DEFAULT now();
-- Since when Kommo lets us in no more, because the account wanted it so (F57).
ALTER TABLE accounts ADD COLUMN suspended_at timestamptz;

-- What an account's token is renewed with. Who renews it says so before it asks: whoever finds that
-- so long ago knows that an answer was lost, and may ask once more (F55, F56).
CREATE TABLE consents (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    refresh_sealed bytea NOT NULL,
    asked_at timestamptz,
    -- Which asking it is: an answer to an older one is stored no more.
    asked_no integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    -- Kommo renews it no more: somebody has to consent again.
    refused_at timestamptz,
    refused_because text
);

-- Who went to Kommo to let an integration in, and may come back once, in the same browser (S15).
CREATE TABLE consent_states (
    state_sha256 bytea PRIMARY KEY,
    browser_sha256 bytea NOT NULL,
    client_id text NOT NULL REFERENCES integrations ON DELETE CASCADE,
    asked_by text NOT NULL,
    -- The only account that it may be for.
    only_account_id bigint,
    expires_at timestamptz NOT NULL
);
