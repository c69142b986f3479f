-- Why Kommo does not let us into an account, in its own words, and when it is tried again.
ALTER TABLE gateway.stops
    ADD COLUMN cause text NOT NULL DEFAULT '',
    ADD COLUMN words text NOT NULL DEFAULT '',
    ADD COLUMN until timestamptz;
UPDATE gateway.stops SET cause = CASE status
    WHEN 401 THEN 'token' WHEN 402 THEN 'unpaid' ELSE 'rights' END;
ALTER TABLE gateway.stops ALTER COLUMN cause DROP DEFAULT;
