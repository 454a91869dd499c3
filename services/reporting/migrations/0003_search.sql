-- Full text. The view holds opened words: rows name the person whose words they are, and go when the person is erased.
--
-- Words are compared without their accents where the server has the extension, and never stemmed: a desk writes in many
-- languages at once. The commonest words of five of them are left out; they would make every ticket a match.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA reporting;
EXCEPTION WHEN undefined_file OR feature_not_supported OR insufficient_privilege THEN
    RAISE NOTICE 'The extension unaccent is not here: search tells é from e';
END
$$;

CREATE TEXT SEARCH DICTIONARY reporting.english_stop (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY reporting.french_stop (TEMPLATE = simple, STOPWORDS = french, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY reporting.german_stop (TEMPLATE = simple, STOPWORDS = german, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY reporting.italian_stop (TEMPLATE = simple, STOPWORDS = italian, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY reporting.spanish_stop (TEMPLATE = simple, STOPWORDS = spanish, ACCEPT = false);

CREATE TEXT SEARCH CONFIGURATION reporting.words (COPY = pg_catalog.simple);
DO $$
BEGIN
    SET LOCAL search_path = reporting, pg_catalog;
    ALTER TEXT SEARCH CONFIGURATION reporting.words ALTER MAPPING FOR asciiword, word, hword_part, hword_asciipart
        WITH english_stop, german_stop, french_stop, spanish_stop, italian_stop, simple;
    IF EXISTS (SELECT FROM pg_ts_dict WHERE dictname = 'unaccent' AND dictnamespace = 'reporting'::regnamespace) THEN
        ALTER TEXT SEARCH CONFIGURATION reporting.words ALTER MAPPING FOR word, hword, hword_part
            WITH english_stop, german_stop, french_stop, spanish_stop, italian_stop, unaccent, simple;
    END IF;
END
$$;

CREATE FUNCTION reporting.create_search(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', target);
    PERFORM set_config('search_path', target, true);

    -- The words of one event.
    CREATE TABLE words (
        lane     smallint    NOT NULL,
        position bigint      NOT NULL,
        ticket   uuid        NOT NULL,
        client   text        COLLATE "C" NOT NULL,
        person   uuid,                      -- whose key sealed them
        at       timestamptz NOT NULL,
        words    tsvector    NOT NULL,      -- and marks of client and age: texts.marks
        PRIMARY KEY (lane, position)
    );

    -- What a person is called: name and address.
    CREATE TABLE names (
        lane    smallint NOT NULL,
        person  uuid     NOT NULL,
        client  text     COLLATE "C" NOT NULL,
        version integer  NOT NULL,
        words   tsvector NOT NULL,
        PRIMARY KEY (lane, person)
    );

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO daybook_reporting', target);
    GRANT SELECT, INSERT, UPDATE, DELETE ON words, names TO daybook_reporting;
END
$$;

CREATE FUNCTION reporting.index_search(target text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM set_config('search_path', target || ', pg_catalog', true);
    -- New rows wait in a list that every search reads; a long one would stall the consumer when it is worked in.
    CREATE INDEX words_by_word ON words USING gin (words) WITH (gin_pending_list_limit = 512);  -- kB
    CREATE INDEX words_of_person ON words (person);
    CREATE INDEX names_by_word ON names USING gin (words);
END
$$;

SELECT reporting.create_search('reporting_search');
SELECT reporting.index_search('reporting_search');
