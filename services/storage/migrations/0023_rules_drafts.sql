-- Rules that somebody works on, which are not in force (A4): one writer of an edition wins.
CREATE TABLE rules_drafts (
    account_id bigint NOT NULL,
    draft_id text NOT NULL,
    name text NOT NULL,
    edition integer NOT NULL DEFAULT 1,
    base_revision integer NOT NULL,
    content text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, draft_id)
);
