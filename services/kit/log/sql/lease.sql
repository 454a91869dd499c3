-- Leases are held by lane. Holders are counted by their seats, rows of the purpose "<purpose> seat", so that a newcomer
-- without lanes is seen by those who hold them all. Seats are numbered like lanes: no more than sixteen can share.

-- name: one_at_a_time
SELECT pg_advisory_xact_lock(hashtextextended('daybook.lease.' || $1, 0));

-- name: sit
-- Keeps the holder's seat, or takes the lowest one that is free.
INSERT INTO log.leases AS l (lane, purpose, holder, epoch, expires_at)
SELECT s.seat, $1 || ' seat', $2, 1, clock_timestamp() + $3::interval
FROM generate_series(0, 15) AS s (seat)
LEFT JOIN log.leases taken ON taken.lane = s.seat AND taken.purpose = $1 || ' seat'
WHERE taken.holder IS NULL OR taken.holder = $2 OR taken.expires_at < clock_timestamp()
ORDER BY taken.holder IS DISTINCT FROM $2, s.seat
LIMIT 1
ON CONFLICT (lane, purpose) DO UPDATE
SET holder = excluded.holder, epoch = l.epoch + (l.holder <> excluded.holder)::int, expires_at = excluded.expires_at;

-- name: seats
SELECT count(*) FROM log.leases WHERE purpose = $1 || ' seat' AND expires_at > clock_timestamp();

-- name: renew
-- The usual call, when nobody comes or goes. What has run out is not renewed: it is free for all to take.
WITH renewed AS (
    UPDATE log.leases SET expires_at = clock_timestamp() + $3::interval
    WHERE purpose IN ($1, $1 || ' seat') AND holder = $2 AND expires_at > clock_timestamp()
    RETURNING purpose, lane, epoch
)
SELECT EXISTS (SELECT FROM renewed WHERE purpose <> $1) AS seated,
       coalesce((SELECT array_agg(lane ORDER BY lane) FROM renewed WHERE purpose = $1), '{}') AS lanes,
       coalesce((SELECT array_agg(epoch ORDER BY lane) FROM renewed WHERE purpose = $1), '{}') AS epochs,
       (SELECT count(*) FROM log.leases WHERE purpose = $1 || ' seat' AND expires_at > clock_timestamp()) AS seats,
       (SELECT count(*) FROM log.leases WHERE purpose = $1 AND expires_at > clock_timestamp()) AS taken;

-- name: give_up
-- The highest lanes beyond the share.
UPDATE log.leases SET expires_at = '-infinity'
WHERE purpose = $1 AND holder = $2
  AND lane IN (SELECT lane FROM log.leases
               WHERE purpose = $1 AND holder = $2 AND expires_at > clock_timestamp() ORDER BY lane OFFSET $3);

-- name: take
-- The lowest free lanes, up to the share.
INSERT INTO log.leases AS l (lane, purpose, holder, epoch, expires_at)
SELECT f.lane, $1, $2, 1, clock_timestamp() + $3::interval
FROM (
    SELECT s.lane FROM generate_series(0, 15) AS s (lane)
    LEFT JOIN log.leases taken ON taken.lane = s.lane AND taken.purpose = $1
    WHERE taken.holder IS NULL OR (taken.expires_at < clock_timestamp())
    ORDER BY s.lane
    LIMIT greatest(0, $4 - (SELECT count(*) FROM log.leases
                            WHERE purpose = $1 AND holder = $2 AND expires_at > clock_timestamp()))
) f
ON CONFLICT (lane, purpose) DO UPDATE
SET holder = excluded.holder, epoch = l.epoch + 1, expires_at = excluded.expires_at;

-- name: held
SELECT lane, epoch FROM log.leases
WHERE purpose = $1 AND holder = $2 AND expires_at > clock_timestamp() ORDER BY lane;

-- name: release
UPDATE log.leases SET expires_at = '-infinity' WHERE purpose IN ($1, $1 || ' seat') AND holder = $2;
