-- The last of these before a version is looked for: without an index of their own, by reading all
-- events of the account behind it.
CREATE INDEX account_events_rare_idx ON account_events (originator_id, originator_version)
    WHERE topic IN ('rules.applied', 'handover.ordered', 'distribution.ordered');
