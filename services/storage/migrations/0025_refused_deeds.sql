-- A second person may also say no to a deed that moves many leads (S32).
ALTER TABLE wide_deeds ADD COLUMN refused_by text, ADD COLUMN refused_at timestamptz;
