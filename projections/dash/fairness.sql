CREATE OR REPLACE VIEW dash.fairness WITH (security_barrier) AS
SELECT ledger, manager_id, assigned, share_units / 1e9 AS fair_share, credit_units / 1e9 AS credit,
    assigned - share_units / 1e9 AS deviation, deviation_units_max / 1e9 AS deviation_max
FROM fairness.shares WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.fairness IS 'What each manager got by each ledger, and what would have been fair; in leads.';
COMMENT ON COLUMN dash.fairness.ledger IS 'The ledger: account, or one that rules name.';
COMMENT ON COLUMN dash.fairness.manager_id IS 'Kommo''s id of the user.';
COMMENT ON COLUMN dash.fairness.assigned IS 'Leads that they got by it.';
COMMENT ON COLUMN dash.fairness.fair_share IS 'What they would have got if leads could be cut.';
COMMENT ON COLUMN dash.fairness.credit IS 'What they are owed, corrections included.';
COMMENT ON COLUMN dash.fairness.deviation IS 'assigned less fair_share.';
COMMENT ON COLUMN dash.fairness.deviation_max IS
    'The furthest they ever were from fair, either way; over 2 is an alert.';
