-- Accounts whose tasks Kommo does not let us read, and since when; gone with the next list that is read.
CREATE TABLE gateway.task_readings (
    account_id bigint PRIMARY KEY,
    status smallint NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
