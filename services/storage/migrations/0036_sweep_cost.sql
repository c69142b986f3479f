-- What sweeps cost in requests: the one under way, and the last ones that ended.
ALTER TABLE gateway.sweeps ADD COLUMN requests integer NOT NULL DEFAULT 0;
ALTER TABLE gateway.sweeps ADD COLUMN window_requests integer;
ALTER TABLE gateway.sweeps ADD COLUMN full_requests integer;
