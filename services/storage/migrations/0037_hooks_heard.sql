-- When Kommo last told something by a webhook, by kind; written once a minute at most.
CREATE TABLE hooks_heard (
    account_id bigint NOT NULL,
    kind text NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, kind)
) WITH (fillfactor = 50);
