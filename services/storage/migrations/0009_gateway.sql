-- The tables that the gateway keeps for itself. Releases before this one made them at their start;
-- where they did, they stay as they are.
CREATE SCHEMA IF NOT EXISTS gateway;

CREATE TABLE IF NOT EXISTS gateway.sweeps (
    account_id bigint PRIMARY KEY,
    watermark timestamptz,
    full_at timestamptz,
    kind text CHECK (kind IN ('baseline', 'window', 'full')),
    started_at timestamptz,
    next_page text,
    CHECK ((kind IS NULL) = (started_at IS NULL))
) WITH (fillfactor = 50);
ALTER TABLE gateway.sweeps ADD COLUMN IF NOT EXISTS listed_to bigint;

-- When our address called Kommo, and until when it is to pause.
CREATE TABLE IF NOT EXISTS gateway.addresses (
    address text PRIMARY KEY,
    starts timestamptz[] NOT NULL DEFAULT '{}',  -- the last ones, ascending
    closed_until timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
-- How long the last pause was to last when it began.
ALTER TABLE gateway.addresses ADD COLUMN IF NOT EXISTS closed_s double precision;
INSERT INTO gateway.addresses (address) VALUES ('') ON CONFLICT DO NOTHING;
UPDATE gateway.addresses
SET closed_s = greatest(0, extract(epoch FROM closed_until - clock_timestamp()))
WHERE closed_s IS NULL;

-- Who works for which partition of accounts.
CREATE TABLE IF NOT EXISTS gateway.leases (
    partition integer PRIMARY KEY,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Accounts that Kommo does not let us into.
CREATE TABLE IF NOT EXISTS gateway.stops (
    account_id bigint PRIMARY KEY,
    status integer NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
