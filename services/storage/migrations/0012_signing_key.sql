-- The installation's own key, with which exported audits are signed; one row.
CREATE TABLE signing_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
