-- Who sees the whole desk asks for its figures without its clients: counted apart, a month of two hundred clients and forty
-- agents is a third of the rows. `desk` counts all clients of a lane, `desk_agent` their agents; client is empty in both, so
-- that a caller of some clients sees none of them.
INSERT INTO reporting_sla.tallies (lane, facet, value, client, day, metric, outcome, cycles)
SELECT t.lane, CASE t.facet WHEN '' THEN 'desk' ELSE 'desk_agent' END, t.value, '', t.day, t.metric, t.outcome, sum(t.cycles)
FROM reporting_sla.tallies t
WHERE t.facet IN ('', 'agent')
GROUP BY t.lane, t.facet, t.value, t.day, t.metric, t.outcome;

-- The whole desk's promises by client: a sixth of what stands in `tallies` for all metrics.
CREATE OR REPLACE FUNCTION reporting.index_sla(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM set_config('search_path', target || ', pg_catalog', true);
    CREATE INDEX cycles_of_client ON cycles (client, judged_at);
    CREATE INDEX cycles_by_time ON cycles (judged_at);
    CREATE INDEX pauses_of_client ON pauses (client, started_at);
    CREATE INDEX pauses_by_time ON pauses (started_at);
    CREATE INDEX stories_of_client ON stories (client, solved_at);
    CREATE INDEX stories_by_time ON stories (solved_at);
    CREATE INDEX tallies_of_promises ON tallies (lane, day) WHERE facet = '' AND metric = 'promise';
END
$$;
CREATE INDEX tallies_of_promises ON reporting_sla.tallies (lane, day) WHERE facet = '' AND metric = 'promise';
