-- Who let a source go on behind messages it lost: what was passed over is never decided (F22).
CREATE TABLE resumptions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resumed_at timestamptz NOT NULL DEFAULT now(),
    resumed_by text NOT NULL,
    consumer text NOT NULL,
    source text NOT NULL,
    position_before bigint NOT NULL,
    position_after bigint NOT NULL
);
