CREATE OR REPLACE VIEW dash.given WITH (security_barrier) AS
SELECT hour, rule_id, decisions AS given, to_owners
FROM why_not.hours WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.given IS
    'How many leads each rule gave out in each hour; one that was passed on counts each time.';
COMMENT ON COLUMN dash.given.hour IS 'The beginning of the hour.';
COMMENT ON COLUMN dash.given.rule_id IS 'The rule.';
COMMENT ON COLUMN dash.given.given IS 'How often it gave a lead to somebody.';
COMMENT ON COLUMN dash.given.to_owners IS 'How often of these to the one whose lead it was already.';

CREATE OR REPLACE VIEW dash.why_not WITH (security_barrier) AS
SELECT hour, rule_id, stood.manager_id, stood.line, stood.leads
FROM why_not.hours,
    unnest(manager_ids, lines, counts) AS stood (manager_id, line, leads)
WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.why_not IS
    'How each manager stood when leads were given out: they got it, or what kept it from them. Who has no row took no part.';
COMMENT ON COLUMN dash.why_not.hour IS 'The beginning of the hour.';
COMMENT ON COLUMN dash.why_not.rule_id IS 'The rule that gave the leads out.';
COMMENT ON COLUMN dash.why_not.manager_id IS 'Kommo''s id of the user.';
COMMENT ON COLUMN dash.why_not.line IS
    'got, got_as_owner, others_owed_more, others_first, off_shift, absent, paused, at_limit, lower_priority, already_tried, refused, no_access, excluded, inactive, to_duty; more may come.';
COMMENT ON COLUMN dash.why_not.leads IS 'To how many leads they stood so.';
