-- Views for whoever asks by SQL; they are made with the read models they stand on. Each shows the
-- rows of one account: that of a user named for it, else the one that the session names (S5).
CREATE SCHEMA dash;
CREATE FUNCTION dash.account_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
    substring(session_user FROM '^fairlead_dash_([0-9]{1,18})$')::bigint,
    nullif(current_setting('fairlead.account_id', true), '')::bigint
);
