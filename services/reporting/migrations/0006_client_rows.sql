-- Row-level security on the views (services/kit/migrations/0013_client_rows.sql), of every version that is built.
CREATE FUNCTION reporting.guard_view(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_reader', target);
    FOR found IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'client'
        WHERE c.relnamespace = target::regnamespace AND c.relkind = 'r'
    LOOP
        PERFORM log.guard_rows(format('%I.%I', target, found)::regclass);
    END LOOP;
    -- What is full text can only be had through the functions below.
    FOR found IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = target::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('words', 'names')
    LOOP
        EXECUTE format('GRANT SELECT ON %I.%I TO daybook_reader', target, found);
    END LOOP;
END
$$;

SELECT reporting.guard_view(view) FROM unnest(ARRAY['reporting_queue', 'reporting_search', 'reporting_directory']) AS view;

GRANT USAGE ON SCHEMA reporting TO daybook_reader;
GRANT SELECT ON reporting.progress TO daybook_reader;

-- Under row-level security a search would read all words: its operator may say something of rows that it must not look
-- at, so no index serves it before the rows were sifted. These look first, as their owner, and sift themselves.
CREATE FUNCTION reporting.words_found(query tsquery, wanted text[], until timestamptz, most integer)
RETURNS TABLE (lane smallint, ticket uuid, words tsvector)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = reporting_search, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.lane, w.ticket, w.words FROM words w
    WHERE w.words @@ query AND w.client = ANY (log.clients_seen()) AND w.client = ANY (wanted) AND w.at <= until
    ORDER BY w.at DESC
    LIMIT most;
END
$$;

CREATE FUNCTION reporting.names_found(query tsquery, wanted text[], most integer)
RETURNS TABLE (lane smallint, person uuid, words tsvector)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = reporting_search, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT n.lane, n.person, n.words FROM names n
    WHERE n.words @@ query AND n.client = ANY (log.clients_seen()) AND n.client = ANY (wanted)
    LIMIT most;
END
$$;

REVOKE ALL ON FUNCTION reporting.words_found, reporting.names_found FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reporting.words_found, reporting.names_found TO daybook_reader;
