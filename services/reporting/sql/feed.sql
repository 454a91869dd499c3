-- name: progress
-- What readers of the queue can see of each lane.
SELECT lane, position FROM reporting.progress WHERE view = 'queue' ORDER BY lane;

-- name: changes
-- Which tickets events of some lanes have changed, a bounded number of events of each lane.
SELECT e.lane, e.position, e.client, e.type, t.ticket, t.prefix, t.number
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS asked (lane, after, upto)
CROSS JOIN LATERAL (
    SELECT e.lane, e.position, e.client, e.type, e.stream FROM log.events e
    WHERE e.lane = asked.lane AND e.position > asked.after AND e.position <= asked.upto
    ORDER BY e.position
    LIMIT $4
) e
JOIN tickets t ON t.lane = e.lane AND t.ticket = e.stream
ORDER BY e.lane, e.position;
