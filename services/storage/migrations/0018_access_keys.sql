-- Keys of programs (A9.1): only a digest of the secret is kept.
CREATE TABLE access_keys (
    id text PRIMARY KEY,
    label text NOT NULL,
    sha256 bytea NOT NULL,
    -- Of before it was rotated: valid for a day.
    former_sha256 bytea,
    former_until timestamptz,
    -- Without one: of the installation.
    account_id bigint CHECK (account_id > 0),
    scopes text[] NOT NULL,
    -- Whose grants bound it; nobody's for one that was made at the machine itself.
    person_id bigint REFERENCES people ON DELETE CASCADE,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    valid_days integer NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    revoked_by text
);
CREATE INDEX access_keys_account_idx ON access_keys (account_id);
CREATE INDEX access_keys_person_idx ON access_keys (person_id);
-- A key tells by itself which account it is of.
CREATE FUNCTION access_key_v1(key text) RETURNS SETOF access_keys
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT * FROM access_keys WHERE id = $1 $$;
REVOKE ALL ON FUNCTION access_key_v1 FROM PUBLIC;
-- What somebody made, for whichever account.
CREATE FUNCTION access_keys_of_v1(person bigint) RETURNS SETOF access_keys
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT * FROM access_keys WHERE person_id = $1 $$;
REVOKE ALL ON FUNCTION access_keys_of_v1 FROM PUBLIC;
