-- When the database was restored from a backup: what it decided since then is lost (F79).
CREATE TABLE restorations (
    restored_at timestamptz PRIMARY KEY DEFAULT now(),
    noticed_by text NOT NULL    -- a person, or the start that found its folder to be a copy
);
