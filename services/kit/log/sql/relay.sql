-- name: lowest_cursor
-- Where a lane that the bus knows nothing of is filled again from: no consumer needs what is before it. A consumer
-- that has never moved in this lane has digested nothing of it. Who is further behind than $2 reads the log anyway, and
-- faster: to send all that over the bus too would take a quarter of all CPU.
SELECT greatest(coalesce(min(coalesce(own.position, 0)), 0),
                (SELECT position FROM log.lanes WHERE lane = $1) - $2::bigint)
FROM (SELECT DISTINCT consumer FROM log.cursors) c
LEFT JOIN log.cursors own ON own.consumer = c.consumer AND own.lane = $1;

-- name: event_id
SELECT id FROM log.events WHERE lane = $1 AND position = $2;
