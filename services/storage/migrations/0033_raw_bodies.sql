-- Bodies of webhooks as they came: several of one account in a row, packed and sealed under the
-- key of its day. By day first, so that what is too old lies together.
CREATE TABLE raw_bodies (
    kept_on date NOT NULL,
    account_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    bodies integer NOT NULL,
    size bigint NOT NULL,
    packed bytea NOT NULL,
    PRIMARY KEY (kept_on, account_id, id)
);
-- It does not get smaller: it is packed before it is sealed.
ALTER TABLE raw_bodies ALTER COLUMN packed SET STORAGE EXTERNAL;
