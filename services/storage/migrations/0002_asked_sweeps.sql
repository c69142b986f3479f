-- Accounts of which messages may be missing: the gateway reads all their leads once more (F22).
CREATE TABLE asked_sweeps (
    account_id bigint PRIMARY KEY,
    reason text NOT NULL,       -- names the gap: the same one asks once
    asked_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz
);
