-- Who takes turns at our address: when each last had a start, and until when it counts as waiting
-- for one. A caller is a digest of the account's address.
CREATE TABLE gateway.callers (
    caller bigint PRIMARY KEY,
    is_urgent boolean NOT NULL,
    served_at timestamptz NOT NULL,
    asks_until timestamptz NOT NULL
) WITH (fillfactor = 50);
