-- name: see
-- For the session: whoever takes the connection next names its own.
SELECT set_config('daybook.clients', $1, false);
