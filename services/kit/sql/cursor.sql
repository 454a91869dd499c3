-- name: read
SELECT l.lane, coalesce(c.position, 0) AS position
FROM log.lanes l LEFT JOIN log.cursors c ON c.lane = l.lane AND c.consumer = $1
ORDER BY l.lane;

-- name: lags
SELECT c.consumer, l.lane, l.position - coalesce(own.position, 0) AS behind
FROM (SELECT DISTINCT consumer FROM log.cursors) c
CROSS JOIN log.lanes l
LEFT JOIN log.cursors own ON own.consumer = c.consumer AND own.lane = l.lane
ORDER BY c.consumer, l.lane;
