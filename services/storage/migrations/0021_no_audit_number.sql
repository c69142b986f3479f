-- Nothing ever read it; its index was a fourteenth of what a lead writes into the log of the database.
ALTER TABLE account_events DROP COLUMN notification_id;
