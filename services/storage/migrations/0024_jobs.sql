-- Work that takes longer than an answer may (A2 jobs, A7): asked for, done by a worker, told later.
CREATE TABLE jobs (
    account_id bigint NOT NULL,
    job_id text NOT NULL,
    kind text NOT NULL,
    parameters jsonb NOT NULL,
    given_by text NOT NULL,
    scopes text[] NOT NULL,
    whence text NOT NULL,
    request_id text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'queued',
    -- In thousandths.
    progress integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    -- Who has it, and until when nobody else may; of a queued one: when it may be tried again.
    worker text,
    lease_until timestamptz,
    begun_at timestamptz,
    ended_at timestamptz,
    reason jsonb,
    form text NOT NULL DEFAULT '',
    row_count bigint,
    next_before bigint,
    size_bytes bigint NOT NULL DEFAULT 0,
    sha256 bytea,
    PRIMARY KEY (account_id, job_id)
);
CREATE INDEX jobs_due_idx ON jobs (given_at) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_given_at_idx ON jobs (given_at);

-- What came of them, in pieces that fit into memory.
CREATE TABLE job_parts (
    account_id bigint NOT NULL,
    job_id text NOT NULL,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (account_id, job_id, number),
    FOREIGN KEY (account_id, job_id) REFERENCES jobs ON DELETE CASCADE
);
