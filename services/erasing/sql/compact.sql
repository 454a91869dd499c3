-- name: due
-- Erasures whose old bytes may still lie in the files; all of them once one has waited long enough.
SELECT lane, position FROM personal.erasures
WHERE compacted_at IS NULL AND EXISTS (
    SELECT FROM personal.erasures w WHERE w.compacted_at IS NULL AND w.erased_at <= clock_timestamp() - $1::interval)
ORDER BY lane, position;

-- name: undigested
-- Consumers that have not seen an erasure yet, and so still hold what they must delete.
SELECT DISTINCT c.consumer
FROM (SELECT DISTINCT consumer FROM log.cursors WHERE consumer IN ('reporting', 'notification')) c
JOIN personal.erasures e ON e.compacted_at IS NULL
LEFT JOIN log.cursors own ON own.consumer = c.consumer AND own.lane = e.lane
WHERE coalesce(own.position, 0) < e.position
UNION
-- The radar's state has to be saved once more behind the erasure: what it holds of the last hours goes with it.
SELECT 'the radar' FROM triage.radar_state r JOIN personal.erasures e ON e.compacted_at IS NULL
WHERE r.positions[e.lane + 1] < e.position;

-- name: one_builder
SELECT pg_try_advisory_lock(hashtextextended('daybook.rebuild.' || $1, 0));

-- name: drop_unfinished
-- What an interrupted rebuild left behind holds words too. It is begun anew the next time.
DO $$
BEGIN
    DROP SCHEMA IF EXISTS reporting_queue_next, reporting_queue_old, reporting_search_next, reporting_search_old,
                          reporting_directory_next, reporting_directory_old, reporting_sla_next, reporting_sla_old,
                          reporting_incidents_next, reporting_incidents_old CASCADE;
    DELETE FROM reporting.builds;
END
$$;

-- name: sweep
-- Words whose person has no key any more, however they came to be left.
WITH words AS (
    DELETE FROM reporting_search.words w
    WHERE w.person IS NOT NULL AND NOT EXISTS (
        SELECT FROM personal.people p WHERE p.lane = get_byte(uuid_send(w.person), 15) & 15 AND p.person = w.person)
    RETURNING 1
), names AS (
    DELETE FROM reporting_search.names n
    WHERE NOT EXISTS (SELECT FROM personal.people p WHERE p.lane = n.lane AND p.person = n.person)
    RETURNING 1
)
SELECT (SELECT count(*) FROM words) + (SELECT count(*) FROM names);

-- name: now
SELECT pg_current_xact_id()::text::bigint;

-- name: holding
-- Whoever still sees the database as it was before: old rows can't be left out while somebody reads them. A transaction's
-- age is compared, not its number, which runs over.
SELECT application_name, pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
  AND age(backend_xmin) > age(($1::bigint & 4294967295)::text::xid)
ORDER BY pid;

-- name: patience
-- For locks; and memory enough to sort an index of a table in one go.
SELECT set_config('lock_timeout', $1, false), set_config('maintenance_work_mem', '256MB', false);

-- name: people
VACUUM (FULL, ANALYZE) personal.people;

-- name: words
VACUUM (FULL, ANALYZE) reporting_search.words;

-- name: names
VACUUM (FULL, ANALYZE) reporting_search.names;

-- name: directory
VACUUM (FULL, ANALYZE) reporting_directory.people;

-- name: logins
VACUUM (FULL, ANALYZE) intake.logins;

-- name: sessions
VACUUM (FULL, ANALYZE) desk.sessions;

-- name: radar
VACUUM (FULL, ANALYZE) triage.radar_state;

-- name: statistics
-- ANALYZE keeps samples of columns, words among them.
VACUUM FULL pg_catalog.pg_statistic;

-- name: statistics_file
SELECT pg_relation_filenode('pg_catalog.pg_statistic');

-- name: checkpoint
CHECKPOINT;

-- name: done
UPDATE personal.erasures e SET compacted_at = clock_timestamp()
FROM unnest($1::smallint[], $2::bigint[]) AS d (lane, position)
WHERE e.lane = d.lane AND e.position = d.position;

-- name: bytes
SELECT sum(pg_total_relation_size(t))::bigint
FROM unnest(ARRAY['personal.people', 'reporting_search.words', 'reporting_search.names']::regclass[]) AS t;
