-- name: list
SELECT person, erased_at FROM personal.erasures ORDER BY erased_at, lane, position;
