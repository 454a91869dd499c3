-- Row-level security where rows belong to clients. The API reads for a caller who may see some clients as daybook_reader,
-- which sees the rows of the clients it has named and of no other, whatever its query says: daybook.clients, slugs with
-- commas between them. Unnamed: none. All other roles work for the whole desk.
--
-- Policies are restrictive for this one role beside a permissive one for everybody: a constant truth is no condition at
-- all to the planner, so that nobody else pays for it.
CREATE FUNCTION log.clients_seen() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN string_to_array(nullif(current_setting('daybook.clients', true), ''), ',') COLLATE "C";

CREATE FUNCTION log.guard_rows(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY whole_desk ON %s USING (true)', target);
    EXECUTE format('CREATE POLICY clients_named ON %s AS RESTRICTIVE TO daybook_reader '
                   'USING (client = ANY (log.clients_seen()))', target);
END
$$;
REVOKE ALL ON FUNCTION log.guard_rows FROM PUBLIC;

SELECT log.guard_rows('log.events');

GRANT USAGE ON SCHEMA log, access TO daybook_reader;
GRANT SELECT ON log.events, log.lanes TO daybook_reader;
GRANT SELECT ON access.prefixes TO daybook_reader;
