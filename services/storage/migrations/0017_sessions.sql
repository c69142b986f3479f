-- Browsers that are signed in; only a digest of what they hold is kept.
CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE,
    -- Of before it was renewed: requests that were on their way are still let in.
    former_sha256 bytea UNIQUE,
    former_until timestamptz,
    person_id bigint NOT NULL REFERENCES people ON DELETE CASCADE,
    how text NOT NULL,
    whence text NOT NULL,
    agent text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    issued_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    fresh_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_person_idx ON sessions (person_id);
CREATE INDEX sessions_begun_at_idx ON sessions (begun_at);
