-- Since when an account is disconnected by somebody here; its history stays.
ALTER TABLE accounts ADD COLUMN disconnected_at timestamptz;
