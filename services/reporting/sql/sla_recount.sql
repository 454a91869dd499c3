-- name: wrong
-- What a lane counts of the whole desk against the sums of its clients, in one snapshot.
-- A transaction writes both, so they differ only where a process wrote that knows no counts of the whole desk.
SELECT EXISTS (
    SELECT FROM (
        SELECT CASE t.facet WHEN '' THEN 'desk' WHEN 'agent' THEN 'desk_agent' ELSE t.facet END AS facet, t.value, t.day,
               t.metric, t.outcome, CASE WHEN t.facet IN ('', 'agent') THEN t.cycles ELSE -t.cycles END AS cycles
        FROM tallies t
        WHERE t.lane = $1::smallint
    ) c
    GROUP BY c.facet, c.value, c.day, c.metric, c.outcome
    HAVING sum(c.cycles) <> 0
);

-- name: mend
-- Adds what is missing. Under the lock of the lane's views.
INSERT INTO tallies AS t (lane, facet, value, client, day, metric, outcome, cycles)
SELECT $1::smallint, c.facet, c.value, '', c.day, c.metric, c.outcome, sum(c.cycles)
FROM (
    SELECT CASE t.facet WHEN '' THEN 'desk' WHEN 'agent' THEN 'desk_agent' ELSE t.facet END AS facet, t.value, t.day,
           t.metric, t.outcome, CASE WHEN t.facet IN ('', 'agent') THEN t.cycles ELSE -t.cycles END AS cycles
    FROM tallies t
    WHERE t.lane = $1::smallint
) c
GROUP BY c.facet, c.value, c.day, c.metric, c.outcome
HAVING sum(c.cycles) <> 0
ON CONFLICT (lane, facet, day, client, value, metric, outcome) DO UPDATE SET cycles = t.cycles + excluded.cycles;
