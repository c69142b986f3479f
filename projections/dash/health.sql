CREATE OR REPLACE VIEW dash.health WITH (security_barrier) AS
SELECT heard_at, asked_at, decided_at, confirmed_at, refused_at, given, swept
FROM health.accounts WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.health IS 'One row: when the account last did what it does.';
COMMENT ON COLUMN dash.health.heard_at IS 'When a webhook last told something new of a lead.';
COMMENT ON COLUMN dash.health.asked_at IS 'When a lead last asked for a manager.';
COMMENT ON COLUMN dash.health.decided_at IS 'When one was last given to somebody.';
COMMENT ON COLUMN dash.health.confirmed_at IS 'When Kommo last held a decision.';
COMMENT ON COLUMN dash.health.refused_at IS 'When Kommo last refused one.';
COMMENT ON COLUMN dash.health.given IS 'How many leads were ever given to somebody.';
COMMENT ON COLUMN dash.health.swept IS 'How many leads asked that only a sweep of Kommo had found.';
