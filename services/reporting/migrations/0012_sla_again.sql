-- A calendar that was corrected judges its client's tickets anew, those that are long closed among them. What is left of
-- that work, beside the views: a page of tickets a transaction (services/reporting/sla/again.py). Of _desk: every client.
CREATE TABLE reporting.sla_again (
    lane   smallint NOT NULL,
    client text     COLLATE "C" NOT NULL,
    after  uuid     NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',  -- done up to this ticket
    kept   boolean  NOT NULL DEFAULT false,  -- done, but to be done once more when the rebuild under way has switched
    PRIMARY KEY (lane, client)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON reporting.sla_again TO daybook_reporting;
