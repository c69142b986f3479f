CREATE OR REPLACE VIEW dash.response WITH (security_barrier) AS
SELECT lead_id, attempt, manager_id, rule_id, asked_at, decided_at, in_kommo_at, touched_at,
    extract(epoch FROM decided_at - asked_at)::float8 AS wait_s,
    extract(epoch FROM in_kommo_at - decided_at)::float8 AS push_s,
    extract(epoch FROM touched_at - decided_at)::float8 AS touch_s,
    decided_worked_ms / 1000.0::float8 AS wait_worked_s,
    (in_kommo_worked_ms - decided_worked_ms) / 1000.0::float8 AS push_worked_s,
    (touched_worked_ms - decided_worked_ms) / 1000.0::float8 AS touch_worked_s,
    touch_due_at
FROM response.leads WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.response IS
    'How fast each lead was served, a row for each time that it was given to somebody. Choose by decided_at.';
COMMENT ON COLUMN dash.response.lead_id IS 'Kommo''s id of the lead.';
COMMENT ON COLUMN dash.response.attempt IS '1 for the first manager of a request, 2 for the second.';
COMMENT ON COLUMN dash.response.manager_id IS 'Kommo''s id of the user who got it.';
COMMENT ON COLUMN dash.response.rule_id IS 'The rule that gave it out.';
COMMENT ON COLUMN dash.response.asked_at IS 'When the lead asked for a manager.';
COMMENT ON COLUMN dash.response.decided_at IS 'When it was given to this one.';
COMMENT ON COLUMN dash.response.in_kommo_at IS 'When Kommo held that; empty until then.';
COMMENT ON COLUMN dash.response.touched_at IS
    'When this manager first did something to it; known only where the rule passes leads on.';
COMMENT ON COLUMN dash.response.wait_s IS 'Seconds from asked to decided.';
COMMENT ON COLUMN dash.response.push_s IS 'Seconds from decided to in Kommo.';
COMMENT ON COLUMN dash.response.touch_s IS 'Seconds from decided to touched.';
COMMENT ON COLUMN dash.response.wait_worked_s IS
    'The same as wait_s in working time of this manager; so for the next two.';
COMMENT ON COLUMN dash.response.push_worked_s IS 'push_s in working time.';
COMMENT ON COLUMN dash.response.touch_worked_s IS 'touch_s in working time.';
COMMENT ON COLUMN dash.response.touch_due_at IS
    'By when this manager was to touch it, in their working time; empty where the rule had no first_touch_target_minutes.';
