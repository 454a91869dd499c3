-- How many texts hold a word, as the server's own statistics of the column estimate it: what is not among the common
-- words counts as none. A function of the owner's, because who reads for some clients may read no text of others; it
-- answers with a number for each word asked for and tells no word.
CREATE FUNCTION reporting.texts_expected(asked text[], beginning boolean[])
RETURNS TABLE (nth integer, texts float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH common AS MATERIALIZED (
        SELECT unnest(s.most_common_elems::text::text[]) AS word, unnest(s.most_common_elem_freqs) AS share
        FROM pg_stats s
        WHERE s.schemaname = 'reporting_search' AND s.tablename = 'words' AND s.attname = 'words'
    ), size AS (
        SELECT greatest(0, c.reltuples)::float8 AS texts
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'reporting_search' AND c.relname = 'words'
    )
    SELECT a.nth::integer - 1, coalesce(min(h.share), 0) * (SELECT s.texts FROM size s)
    FROM unnest(asked, beginning) WITH ORDINALITY AS a (word, beginning, nth)
    LEFT JOIN LATERAL unnest(tsvector_to_array(to_tsvector('reporting.words', a.word))) AS l (lexeme) ON true
    LEFT JOIN LATERAL (
        SELECT least(1, coalesce(sum(c.share), 0)) AS share FROM common c
        WHERE c.word = l.lexeme OR a.beginning AND starts_with(c.word, l.lexeme)
    ) h ON true
    GROUP BY a.nth
$$;
REVOKE ALL ON FUNCTION reporting.texts_expected FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reporting.texts_expected TO daybook_reporting, daybook_reader;
