-- name: open_session
-- Whoever signs in also sweeps away what has ended: the table stays as small as the number of people at work.
WITH ended AS (DELETE FROM desk.sessions WHERE expires_at < clock_timestamp())
INSERT INTO desk.sessions (id, token, agent, name, role, level, csrf, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(secs => $8));

-- name: find_session
SELECT token, agent, name, role, level, csrf, expires_at FROM desk.sessions WHERE id = $1 AND expires_at > clock_timestamp();

-- name: end_session
DELETE FROM desk.sessions WHERE id = $1;
