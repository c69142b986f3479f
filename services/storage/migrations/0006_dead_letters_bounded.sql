-- Bodies are sealed, and so do not compress; how many an account may have is bounded (S21).
ALTER TABLE dead_letters ADD COLUMN is_sealed boolean NOT NULL DEFAULT false;
ALTER TABLE dead_letters ALTER COLUMN body SET STORAGE EXTERNAL;
-- 0 stands for letters of nobody's account.
CREATE INDEX dead_letters_account_idx ON dead_letters (coalesce(account_id, 0), id);
CREATE INDEX dead_letters_received_at_idx ON dead_letters (received_at);
CREATE INDEX dead_letters_unsealed_idx ON dead_letters (id) WHERE NOT is_sealed;

-- What had to go before its time.
CREATE TABLE dead_letters_dropped (
    account_id bigint PRIMARY KEY,
    letters bigint NOT NULL,
    last_at timestamptz NOT NULL
);
