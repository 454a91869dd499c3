-- name: select
-- A bounded number of events is looked at, those that are wanted come back, bounded in number and bytes; and how far the
-- look went, so that a reader whose filter fits nothing moves on all the same. With a client, places are its own
-- sequence, which is all that an outsider may know; without one they are positions of the lane.
--   $1 lanes, $2 clients (null: the whole lane), $3 places behind which to begin
--   $4 events looked at, $5 events given, $6 bytes given, all of each source
--   $7 types or families, $8 origins, $9 categories: null for all
-- A category is the one that the event's ticket had at that event, whatever it has become since: so what is read again
-- years later is what was read then.
WITH asked AS (
    SELECT a.nth, a.lane, a.client, a.after
    FROM unnest($1::smallint[], $2::text[], $3::bigint[]) WITH ORDINALITY AS a (lane, client, after, nth)
), looked AS MATERIALIZED (
    SELECT a.nth, a.lane, e.position, e.sequence AS place, e.stream, e.version, e.type, e.origin, e.bytes
    FROM asked a CROSS JOIN LATERAL (
        SELECT f.position, f.sequence, f.stream, f.version, f.type, f.origin, octet_length(f.payload) AS bytes
        FROM log.events f
        WHERE f.lane = a.lane AND f.client = a.client AND f.sequence > a.after
        ORDER BY f.sequence LIMIT $4) e
    WHERE a.client IS NOT NULL
    UNION ALL
    SELECT a.nth, a.lane, e.position, e.position, e.stream, e.version, e.type, e.origin, e.bytes
    FROM asked a CROSS JOIN LATERAL (
        SELECT f.position, f.stream, f.version, f.type, f.origin, octet_length(f.payload) AS bytes
        FROM log.events f
        WHERE f.lane = a.lane AND f.position > a.after
        ORDER BY f.position LIMIT $4) e
    WHERE a.client IS NULL
), told AS MATERIALIZED (  -- once for each ticket, however many of its events are looked at: a body may be large
    SELECT c.nth, c.stream, c.category, c.version, lead(c.version) OVER (PARTITION BY c.nth, c.stream ORDER BY c.version) AS until
    FROM (
        SELECT s.nth, s.stream, t.version, t.category
        FROM (SELECT l.nth, l.lane, l.stream, max(l.version) AS version FROM looked l GROUP BY l.nth, l.lane, l.stream) s
        CROSS JOIN LATERAL (
            SELECT b.version, convert_from(b.payload, 'UTF8')::json ->> 'category' AS category FROM log.events b
            WHERE b.lane = s.lane AND b.stream = s.stream AND b.version <= s.version
              AND b.type IN ('ticket.submitted', 'ticket.classified', 'ticket.category_set')
            OFFSET 0) t  -- by the index of the stream, never by a scan of the log
        WHERE $9::text[] IS NOT NULL) c
    WHERE c.category IS NOT NULL
), wanted AS (
    SELECT l.nth, l.lane, l.position, l.place, row_number() OVER w AS counted, sum(l.bytes) OVER w - l.bytes AS bytes_before
    FROM looked l
    LEFT JOIN told c ON c.nth = l.nth AND c.stream = l.stream AND c.version <= l.version
                     AND (c.until IS NULL OR c.until > l.version)
    WHERE ($7::text[] IS NULL OR l.type = ANY ($7) OR split_part(l.type, '.', 1) = ANY ($7))
      AND ($8::text[] IS NULL OR l.origin = ANY ($8))
      AND ($9::text[] IS NULL OR c.category = ANY ($9))
    WINDOW w AS (PARTITION BY l.nth ORDER BY l.place)
), seen AS (
    SELECT a.nth, coalesce(max(l.place), a.after) AS upto, count(l.place) AS looked_at,
           (SELECT count(*) FROM wanted w WHERE w.nth = a.nth) AS fitting
    FROM asked a LEFT JOIN looked l ON l.nth = a.nth GROUP BY a.nth, a.after
)
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, e.occurred_at, e.recorded_at, e.trace, e.payload, s.nth, s.upto, s.looked_at, s.fitting
FROM seen s
LEFT JOIN wanted w ON w.nth = s.nth AND w.counted <= $5 AND w.bytes_before < $6
LEFT JOIN log.events e ON e.lane = w.lane AND e.position = w.position
ORDER BY s.nth, w.place;

-- name: sequences
-- Where clients are now. One that never had an event is at 0.
SELECT coalesce(c.sequence, 0) AS sequence
FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS a (lane, client, nth)
LEFT JOIN log.counters c ON c.lane = a.lane AND c.client = a.client
ORDER BY a.nth;
