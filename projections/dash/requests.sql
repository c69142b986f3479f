CREATE OR REPLACE VIEW dash.waiting WITH (security_barrier) AS
SELECT request_id, lead_id, rule_id, pipeline_id, status_id, source, reason, opened_version,
    opened_at, changed_at
FROM requests.requests WHERE account_id = dash.account_id() AND state = 'waiting';
COMMENT ON VIEW dash.waiting IS 'The leads that wait for a manager now.';
COMMENT ON COLUMN dash.waiting.request_id IS 'Names the request.';
COMMENT ON COLUMN dash.waiting.lead_id IS 'Kommo''s id of the lead.';
COMMENT ON COLUMN dash.waiting.rule_id IS 'The rule it waits under; empty while nobody knows.';
COMMENT ON COLUMN dash.waiting.pipeline_id IS 'In which pipeline it asked.';
COMMENT ON COLUMN dash.waiting.status_id IS 'In which stage of that pipeline.';
COMMENT ON COLUMN dash.waiting.source IS
    'What asked: dp_hook, dp_widget, webhook, sweep, lookup, operator, handover; more may come.';
COMMENT ON COLUMN dash.waiting.reason IS
    'Why it waits: the verdict that keeps most people away, behind_queue, reading or owner.';
COMMENT ON COLUMN dash.waiting.opened_version IS 'Its place in the queue: smaller is served first.';
COMMENT ON COLUMN dash.waiting.opened_at IS 'When it asked.';
COMMENT ON COLUMN dash.waiting.changed_at IS 'Since when it waits for this reason.';
