-- Where an account's events are told by signed webhooks (A8.4), and what was sent, or is to be.
CREATE TABLE webhook_targets (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name text NOT NULL,
    url text NOT NULL,
    -- Stored names of the events that are told; empty for all of them.
    events text[] NOT NULL,
    secret_sealed bytea NOT NULL,
    -- Of before it was rotated: signs as well until then.
    former_sealed bytea,
    former_until timestamptz,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    -- Every event up to this version of the account is a delivery, or none of this target's.
    position bigint NOT NULL,
    -- Since when nothing was taken; how often in a row; and until when nothing more is sent.
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    rests_until timestamptz,
    -- When it was given up, and why; nothing but a ping is sent then.
    off_at timestamptz,
    off_because text,
    PRIMARY KEY (account_id, name)
) WITH (fillfactor = 50);

CREATE TABLE webhook_deliveries (
    account_id bigint NOT NULL,
    target text NOT NULL,
    -- The same at every attempt, and for every target that is told.
    message_id text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    -- The decision of which a rule lets the target be told (D12.2); its account waits for the end.
    order_id text,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    listed_at timestamptz NOT NULL DEFAULT now(),
    first_at timestamptz,
    last_at timestamptz,
    next_at timestamptz NOT NULL DEFAULT now(),
    status integer,
    error text,
    PRIMARY KEY (account_id, target, message_id),
    FOREIGN KEY (account_id, target) REFERENCES webhook_targets ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (account_id, target, version)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_ended_idx ON webhook_deliveries (last_at)
    WHERE state <> 'pending';
CREATE INDEX webhook_deliveries_listed_idx ON webhook_deliveries
    (account_id, listed_at, message_id);
