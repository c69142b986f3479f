-- Who may use the installation, and what: people, their grants, and links that invite them.

-- The installation's own key, sealed: logins and outer identities are found by a digest under it.
CREATE TABLE access_secret (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    sealed bytea NOT NULL
);
CREATE TABLE people (
    id bigint PRIMARY KEY,
    name_sealed bytea NOT NULL,
    login_sealed bytea NOT NULL,
    login_digest bytea NOT NULL UNIQUE,
    language text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Sessions from before then get a new secret.
    rights_changed_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);
CREATE SEQUENCE people_id_seq OWNED BY people.id;
-- Without an account: in all of them, now and later; `operator` is always so.
CREATE TABLE grants (
    person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE,
    account_id bigint CHECK (account_id > 0),
    role text NOT NULL,
    manager_id bigint,
    given_by text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    CHECK (role <> 'operator' OR account_id IS NULL),
    CHECK (role <> 'manager' OR (account_id IS NOT NULL AND manager_id IS NOT NULL))
);
CREATE UNIQUE INDEX grants_key ON grants (person_id, coalesce(account_id, 0), role);
CREATE INDEX grants_account_idx ON grants (account_id);
-- One-time links: for the first person, for new ones, and for somebody who is locked out.
CREATE TABLE invitations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('first', 'invited', 'reset')),
    person_id bigint REFERENCES people ON DELETE CASCADE,
    name_sealed bytea,
    -- A list of grants, as {"account_id": 1, "role": "viewer", "manager_id": null}.
    grants jsonb NOT NULL DEFAULT '[]',
    given_by text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by bigint REFERENCES people ON DELETE SET NULL,
    revoked_at timestamptz
);
-- What somebody holds, wherever: who serves people sees the rows of one account alone else.
CREATE FUNCTION grants_of_v1(people bigint[]) RETURNS SETOF grants
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT * FROM grants WHERE person_id = ANY ($1) $$;
REVOKE ALL ON FUNCTION grants_of_v1 FROM PUBLIC;
