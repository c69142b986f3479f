CREATE OR REPLACE VIEW dash.pauses WITH (security_barrier) AS
SELECT manager_id, paused_at, until, by_administrator
FROM pauses.managers WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.pauses IS 'Who is paused now.';
COMMENT ON COLUMN dash.pauses.manager_id IS 'Kommo''s id of the user.';
COMMENT ON COLUMN dash.pauses.paused_at IS 'Since when.';
COMMENT ON COLUMN dash.pauses.until IS 'Until when; empty when only somebody can end it.';
COMMENT ON COLUMN dash.pauses.by_administrator IS 'Whether an administrator ordered it.';
