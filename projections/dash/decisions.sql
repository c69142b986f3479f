CREATE OR REPLACE VIEW dash.decisions WITH (security_barrier) AS
SELECT version, at, kind, lead_id, request_id, manager_id, rule_id, pipeline_id, status_id, reason
FROM decisions.feed WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.decisions IS
    'Every decision: a row for each thing that was decided about a lead. Choose by at or version.';
COMMENT ON COLUMN dash.decisions.version IS 'Its event in the account''s log; later ones are greater.';
COMMENT ON COLUMN dash.decisions.at IS 'When it was decided.';
COMMENT ON COLUMN dash.decisions.kind IS
    'ordered, prepared, reserved, assigned, touched, lapsed, deferred, withdrawn, closed, undone, handed_over, left; more may come.';
COMMENT ON COLUMN dash.decisions.lead_id IS 'Kommo''s id of the lead.';
COMMENT ON COLUMN dash.decisions.request_id IS 'The request that it answers.';
COMMENT ON COLUMN dash.decisions.manager_id IS 'Kommo''s id of the user it is about, if it is about one.';
COMMENT ON COLUMN dash.decisions.rule_id IS 'Under which rule, as far as it says.';
COMMENT ON COLUMN dash.decisions.pipeline_id IS 'In which pipeline, as far as it says.';
COMMENT ON COLUMN dash.decisions.status_id IS 'In which stage of that pipeline.';
COMMENT ON COLUMN dash.decisions.reason IS
    'What singled the manager out, why nobody could take the lead, or why it ended.';
