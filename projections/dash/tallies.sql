CREATE OR REPLACE VIEW dash.tallies WITH (security_barrier) AS
SELECT day, manager_id, rule_id, given, as_owner, on_duty, withdrawn, lapsed, passed_on
FROM tallies.days WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.tallies IS 'Leads of each manager by day and rule.';
COMMENT ON COLUMN dash.tallies.day IS 'A day of the account''s time zone.';
COMMENT ON COLUMN dash.tallies.manager_id IS 'Kommo''s id of the user.';
COMMENT ON COLUMN dash.tallies.rule_id IS 'The rule.';
COMMENT ON COLUMN dash.tallies.given IS 'How often a lead was given to them.';
COMMENT ON COLUMN dash.tallies.as_owner IS 'How often of these because it was theirs already.';
COMMENT ON COLUMN dash.tallies.on_duty IS 'How often of these because they had duty.';
COMMENT ON COLUMN dash.tallies.withdrawn IS
    'How often of these it was taken back before Kommo held it; given less withdrawn is what they got.';
COMMENT ON COLUMN dash.tallies.lapsed IS 'How often their turn with a lead ended untouched on this day.';
COMMENT ON COLUMN dash.tallies.passed_on IS 'How often of these because they passed it on themselves.';
