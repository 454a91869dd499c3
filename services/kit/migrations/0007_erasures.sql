-- Who was erased, and whether old bytes of theirs have been rewritten since. It names nobody: without the key a person's id
-- leads nowhere.
CREATE TABLE personal.erasures (
    lane         smallint    NOT NULL,
    person       uuid        NOT NULL,
    position     bigint      NOT NULL,  -- of person.erased in the lane
    erased_at    timestamptz NOT NULL,
    compacted_at timestamptz,
    CONSTRAINT one_row_per_erasure PRIMARY KEY (lane, position)
);

GRANT SELECT, INSERT ON personal.erasures TO daybook_intake;
