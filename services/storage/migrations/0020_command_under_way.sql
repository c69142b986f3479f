-- Until when whoever gave the command waits for its answer: a second caller under the same key is told
-- so, and not answered beside the first (A5.2).
ALTER TABLE kept_commands ADD COLUMN under_way_until timestamptz;
