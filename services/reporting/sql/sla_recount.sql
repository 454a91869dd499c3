-- name: missing
-- What a lane lacks of the whole desk's counts beside the sums of its clients, in one snapshot; as `tally` takes it.
-- A transaction writes both, so they differ only where a process wrote that knows no counts of the whole desk.
SELECT $1::smallint AS lane, c.facet, c.value, '' AS client, c.day, c.metric, c.outcome, sum(c.cycles)::bigint AS cycles
FROM (
    SELECT CASE t.facet WHEN '' THEN 'desk' WHEN 'agent' THEN 'desk_agent' ELSE t.facet END AS facet, t.value, t.day,
           t.metric, t.outcome, CASE WHEN t.facet IN ('', 'agent') THEN t.cycles ELSE -t.cycles END AS cycles
    FROM tallies t
    WHERE t.lane = $1::smallint
) c
GROUP BY c.facet, c.value, c.day, c.metric, c.outcome
HAVING sum(c.cycles) <> 0;
