-- How far the radar has read, told where it rests: its state is saved seldom, and would look behind for ten minutes.
ALTER TABLE triage.radar_lead ADD COLUMN positions bigint[] NOT NULL DEFAULT '{}';

-- Who follows the log from triage without a row in log.cursors: GET /subscribers lists them.
CREATE VIEW triage.followers_read AS
SELECT 'incidents' AS consumer, i.lane, i.position, greatest(0, l.position - i.position) AS behind
FROM triage.incident_effects i
JOIN log.lanes l ON l.lane = i.lane
UNION ALL
SELECT 'radar', l.lane, r.position, greatest(0, l.position - r.position)
FROM triage.radar_lead h
CROSS JOIN LATERAL unnest(h.positions) WITH ORDINALITY AS r (position, place)
JOIN log.lanes l ON l.lane = r.place - 1;

GRANT SELECT ON triage.followers_read TO daybook_reporting;
