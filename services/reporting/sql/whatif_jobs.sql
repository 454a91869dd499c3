-- name: under_way
SELECT count(*) FROM reporting.whatif WHERE state IN ('waiting', 'running');

-- name: ask
INSERT INTO reporting.whatif (id, asked_by, clients, asked) VALUES ($1, $2, $3, $4);

-- name: forget_old
-- A hundred are kept, and what is under way.
DELETE FROM reporting.whatif WHERE state NOT IN ('waiting', 'running') AND id IN (
    SELECT id FROM reporting.whatif ORDER BY asked_at DESC, id OFFSET $1);

-- name: bury
-- What nobody works on any more: its process was stopped or killed.
UPDATE reporting.whatif SET state = 'failed', finished_at = clock_timestamp(),
    problem = 'the process that worked on it was stopped: ask again'
WHERE state IN ('waiting', 'running') AND beat_at < clock_timestamp() - make_interval(secs => $1);

-- name: begin
UPDATE reporting.whatif SET state = 'running', beat_at = clock_timestamp() WHERE id = $1 AND state = 'waiting'
RETURNING id;

-- name: beat
-- Says that these are worked on, and which of them somebody has cancelled meanwhile, perhaps in another process.
UPDATE reporting.whatif w SET beat_at = clock_timestamp(), tickets = b.tickets, total = b.total, events = b.events
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS b (id, tickets, total, events)
WHERE w.id = b.id AND w.state IN ('waiting', 'running')
RETURNING w.id;

-- name: finish
UPDATE reporting.whatif SET state = $2, problem = $3, result = $4, finished_at = clock_timestamp(), tickets = $5, total = $6,
    events = $7
WHERE id = $1 AND state IN ('waiting', 'running');

-- name: cancel
UPDATE reporting.whatif SET state = 'cancelled', finished_at = clock_timestamp()
WHERE id = $1 AND state IN ('waiting', 'running') RETURNING id;

-- name: forget
DELETE FROM reporting.whatif WHERE id = $1 AND state NOT IN ('waiting', 'running');

-- name: list
SELECT id, asked_at, asked, clients, state, tickets, total, events, finished_at, problem, NULL::bytea AS result
FROM reporting.whatif
WHERE ($1::text[] IS NULL OR clients <@ $1) AND (asked_at, id) < ($2, $3)
ORDER BY asked_at DESC, id DESC
LIMIT $4;

-- name: one
SELECT id, asked_at, asked, clients, state, tickets, total, events, finished_at, problem, result
FROM reporting.whatif
WHERE id = $1 AND ($2::text[] IS NULL OR clients <@ $2);

-- name: clients_known
SELECT c.client FROM log.counters c WHERE c.client = ANY ($1);
