-- name: commands
-- What was asked and answered, behind one of them. An answer names the event that it was given for.
SELECT lane, scope, command, answer FROM log.commands
WHERE (lane, scope, command) > ($1::smallint, $2::text, $3::text)
ORDER BY lane, scope, command
LIMIT $4;

-- name: missing
-- Which of these versions of streams the log does not hold; counted from 1.
SELECT a.nth
FROM unnest($1::smallint[], $2::uuid[], $3::integer[]) WITH ORDINALITY AS a (lane, stream, version, nth)
WHERE NOT EXISTS (SELECT FROM log.events e WHERE e.lane = a.lane AND e.stream = a.stream AND e.version = a.version);

-- name: mails_lost
-- Mails that were taken and have not what was made of them: a ticket by the command of their key, or a place in the
-- quarantine.
SELECT m.lane, m.key, m.taken_at, m.outcome
FROM intake.mails m
WHERE CASE m.outcome
    WHEN 'ticket' THEN NOT EXISTS (SELECT FROM log.commands c WHERE c.lane = m.lane AND c.scope = 'mail ' || m.client
                                                                AND c.command = encode(m.key, 'hex'))
    ELSE NOT EXISTS (SELECT FROM intake.quarantine q WHERE q.lane = m.lane AND q.key = m.key)
END
ORDER BY m.lane, m.taken_at
LIMIT 1000;

-- name: mails
SELECT count(*) FILTER (WHERE outcome = 'ticket') AS tickets, count(*) FILTER (WHERE outcome = 'quarantine') AS quarantined
FROM intake.mails;

-- name: keys
SELECT person, wrapped FROM personal.people WHERE lane = $1;

-- name: erased_since
-- Which of these persons have been erased by now, whatever the log held when its verification began.
SELECT DISTINCT e.stream FROM log.events e
WHERE e.lane = $1 AND e.stream = ANY ($2::uuid[]) AND e.type = 'person.erased';

-- name: progress
SELECT lane, position FROM reporting.progress WHERE view = $1 ORDER BY lane;

-- name: views_ahead
SELECT p.view, p.lane, p.position FROM reporting.progress p LEFT JOIN log.lanes l ON l.lane = p.lane
WHERE l.lane IS NULL OR p.position > l.position
ORDER BY p.view, p.lane;

-- name: letters_waiting
-- Events that a consumer could not digest: until they are replayed, its views lack them.
SELECT count(*) FROM log.dead_letters WHERE consumer = 'reporting' AND replayed_at IS NULL;

-- name: erasures_to_come
-- Erasures that a view has not digested: the keys are gone, the words still there. Persons' streams are few.
SELECT count(*)
FROM reporting.progress p
JOIN log.lanes l ON l.lane = p.lane AND l.position > p.position
JOIN log.events e ON e.lane = p.lane AND e.position > p.position AND e.type = 'person.erased'
WHERE p.view = $1;

-- name: patience
-- The snapshot is held while events are folded here.
SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('temp_buffers', '64MB', false);

-- name: mean
SELECT set_config('search_path', $1, true), set_config('daybook.view', $2, true);

-- name: scratch
-- Empty temporary tables in the image of a view's, with the indexes that its writer needs.
DO $$
DECLARE
    model regnamespace := current_setting('daybook.view')::regnamespace;
    shape regclass;
    slow  regclass;
BEGIN
    FOR shape IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = model AND c.relkind = 'r' LOOP
        EXECUTE format('CREATE TEMPORARY TABLE %I (LIKE %s INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP',
                       (SELECT relname FROM pg_class WHERE oid = shape), shape);
    END LOOP;
    FOR slow IN SELECT i.oid FROM pg_class i JOIN pg_am a ON a.oid = i.relam
                WHERE i.relnamespace = pg_my_temp_schema() AND i.relkind = 'i' AND a.amname <> 'btree' LOOP
        EXECUTE format('DROP INDEX %s', slow);
    END LOOP;
END
$$;

-- name: hash_at
SELECT hash FROM log.events WHERE lane = $1 AND position = $2;
