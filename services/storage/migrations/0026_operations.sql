-- Who dealt with a dead letter, and why it was set aside (W4.13).
ALTER TABLE dead_letters ADD COLUMN settled_by text, ADD COLUMN settled_why text;

-- Read models that somebody wants made anew; the projector does it.
CREATE TABLE asked_rebuilds (
    name text PRIMARY KEY,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz,
    ended_at timestamptz,
    failure text
);
