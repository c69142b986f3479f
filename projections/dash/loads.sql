CREATE OR REPLACE VIEW dash.open_leads WITH (security_barrier) AS
SELECT manager_id, pipeline_id, status_id, open_leads
FROM loads.open_leads WHERE account_id = dash.account_id();
COMMENT ON VIEW dash.open_leads IS 'How many open leads each user has now, by stage.';
COMMENT ON COLUMN dash.open_leads.manager_id IS 'Kommo''s id of the user.';
COMMENT ON COLUMN dash.open_leads.pipeline_id IS 'The pipeline.';
COMMENT ON COLUMN dash.open_leads.status_id IS 'The stage of that pipeline.';
COMMENT ON COLUMN dash.open_leads.open_leads IS 'How many; a place without any has no row.';
