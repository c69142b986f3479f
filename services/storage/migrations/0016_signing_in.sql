-- By what people prove who they are, and what happened when they tried.
CREATE TABLE passwords (
    person_id bigint PRIMARY KEY REFERENCES people ON DELETE CASCADE,
    hash text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
-- Codes that change each half minute; each is taken once.
CREATE TABLE one_time_codes (
    person_id bigint PRIMARY KEY REFERENCES people ON DELETE CASCADE,
    secret_sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0
);
CREATE TABLE recovery_codes (
    person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE,
    sha256 bytea NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (person_id, sha256)
);
CREATE TABLE passkeys (
    id bigint PRIMARY KEY,
    person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE,
    credential_id bytea NOT NULL UNIQUE,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    transports text[] NOT NULL DEFAULT '{}',
    name_sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz
);
CREATE SEQUENCE passkeys_id_seq OWNED BY passkeys.id;
CREATE INDEX passkeys_person_idx ON passkeys (person_id);
-- Of an identity provider: its subject is kept as a digest.
CREATE TABLE outer_identities (
    issuer text NOT NULL,
    subject_digest bytea NOT NULL,
    person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject_digest)
);
-- What is between two steps of signing in: a password was right, a challenge was given out.
CREATE TABLE sign_in_steps (
    sha256 bytea PRIMARY KEY,
    purpose text NOT NULL,
    person_id bigint REFERENCES people ON DELETE CASCADE,
    data_sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_steps_expires_at_idx ON sign_in_steps (expires_at);
-- Failures for a login or an address, by digest (S29).
CREATE TABLE sign_in_delays (
    place bytea PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL,
    free_at timestamptz NOT NULL
);
CREATE INDEX sign_in_delays_last_at_idx ON sign_in_delays (last_at);
-- Everything that was done about who may: sign-ins, failures, grants, keys. Kept for 400 days.
CREATE TABLE sign_in_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL,
    principal text NOT NULL,
    person_id bigint,
    account_id bigint,
    about text NOT NULL,
    whence text NOT NULL,
    request_id text NOT NULL
);
CREATE INDEX sign_in_log_person_idx ON sign_in_log (person_id, id);
CREATE INDEX sign_in_log_account_idx ON sign_in_log (account_id, id);
CREATE INDEX sign_in_log_at_idx ON sign_in_log (at);
-- What happened to somebody, in whatever account.
CREATE FUNCTION sign_in_log_of_v1(person bigint, most integer) RETURNS SETOF sign_in_log
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT * FROM sign_in_log WHERE person_id = $1 ORDER BY id DESC LIMIT $2 $$;
REVOKE ALL ON FUNCTION sign_in_log_of_v1 FROM PUBLIC;
