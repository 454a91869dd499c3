-- name: one_builder
-- Held by a connection for the whole rebuild, so that a second one is refused at once and a killed one holds nobody up.
-- It may be lost with its connection while the builder lives: `still_ours` is what keeps two out of the same tables.
SELECT pg_try_advisory_lock(hashtextextended('daybook.rebuild.' || $1, 0));

-- name: no_builder
SELECT pg_advisory_unlock(hashtextextended('daybook.rebuild.' || $1, 0));

-- name: claim
-- Waits for a transaction that the builder before may still have under way; whatever it begins afterwards is refused.
UPDATE reporting.views SET builder = $2 WHERE view = $1;

-- name: still_ours
-- Nobody else can claim the view before this transaction ends.
SELECT count(*) FROM (SELECT FROM reporting.views WHERE view = $1 AND builder = $2 FOR SHARE) v;

-- name: shape
-- What the functions say that make a view's tables and indexes.
SELECT md5(string_agg(p.prosrc, '' ORDER BY p.proname)) FROM pg_proc p
WHERE p.pronamespace = 'reporting'::regnamespace AND p.proname IN ('create_' || $1, 'index_' || $1);

-- name: begun
SELECT count(*) FROM reporting.builds b
WHERE b.view = $1 AND b.shape = $2 AND EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = $3);

-- name: forget
DELETE FROM reporting.builds WHERE view = $1;

-- name: drop_schema
-- DDL takes no parameters, so the name is handed over as a setting of the transaction.
DO $$
BEGIN
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', current_setting('daybook.schema'));
END
$$;

-- name: rename_schema
DO $$
BEGIN
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', current_setting('daybook.schema'), current_setting('daybook.name'));
END
$$;

-- name: name_schemas
SELECT set_config('daybook.schema', $1, true), set_config('daybook.name', $2, true);

-- name: patience
-- How long DDL waits for a reader, in milliseconds, before it lets other readers pass and tries again.
SELECT set_config('lock_timeout', $1, true);

-- name: mean
-- Unqualified names mean the tables of this schema until the transaction ends.
SELECT set_config('search_path', $1 || ', reporting', true);

-- name: create_queue
SELECT reporting.create_queue($1);

-- name: create_search
SELECT reporting.create_search($1);

-- name: create_directory
SELECT reporting.create_directory($1);

-- name: create_sla
SELECT reporting.create_sla($1);

-- name: create_incidents
SELECT reporting.create_incidents($1);

-- name: guard
SELECT reporting.guard_view($1);

-- name: index_queue
SELECT reporting.index_queue($1);

-- name: index_search
SELECT reporting.index_search($1);

-- name: index_directory
SELECT reporting.index_directory($1);

-- name: index_sla
SELECT reporting.index_sla($1);

-- name: index_incidents
SELECT reporting.index_incidents($1);

-- name: begin
INSERT INTO reporting.builds (lane, view, shape, upto) SELECT l.lane, $1, $2, l.position FROM log.lanes l;

-- name: lanes
SELECT lane, upto, stream, loaded, position, indexed FROM reporting.builds WHERE view = $1 ORDER BY lane;

-- name: loaded
UPDATE reporting.builds SET stream = $3, loaded = $4, position = $5 WHERE view = $1 AND lane = $2;

-- name: indexed
UPDATE reporting.builds SET indexed = true WHERE view = $1;

-- name: followed
UPDATE reporting.builds SET position = $3 WHERE view = $1 AND lane = $2;

-- name: by_stream
-- Whole streams of tickets in the order of their ids: each is folded in one go and written once.
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream > $2 AND position <= $3
  AND (type >= 'ticket.' AND type < 'ticket/' OR type >= 'sla.' AND type < 'sla/')
ORDER BY stream, version
LIMIT $4;

-- name: stream
SELECT lane, position, client, sequence, number, stream, version, id, type, schema_version, actor, causation, origin,
       occurred_at, recorded_at, trace, payload
FROM log.events
WHERE lane = $1 AND stream = $2 AND position <= $3
ORDER BY version;

-- name: lock_progress
-- The live consumer waits behind these locks until the switch is committed.
SELECT lane, position FROM reporting.progress WHERE view = $1 ORDER BY lane FOR UPDATE;

-- name: jump_progress
UPDATE reporting.progress p SET position = b.position, recorded_at = coalesce(e.recorded_at, p.recorded_at)
FROM reporting.builds b LEFT JOIN log.events e ON e.lane = b.lane AND e.position = b.position
WHERE b.view = $1 AND p.view = b.view AND p.lane = b.lane AND b.position > p.position;

-- name: switched
UPDATE reporting.views SET version = version + 1, built_at = clock_timestamp(), checksum = null WHERE view = $1
RETURNING version;

-- name: summed
UPDATE reporting.views SET checksum = $2 WHERE view = $1 AND builder = $3;

-- name: behind
-- How many events the version under construction lacks of what is in the log.
SELECT sum(l.position - b.position)::bigint FROM reporting.builds b JOIN log.lanes l ON l.lane = b.lane WHERE b.view = $1;

-- name: analyze
DO $$
DECLARE
    known text;
BEGIN
    FOR known IN SELECT c.relname FROM pg_class c
                 WHERE c.relnamespace = current_setting('daybook.schema')::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('ANALYZE %I.%I', current_setting('daybook.schema'), known);
    END LOOP;
END
$$;
