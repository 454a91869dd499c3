-- A session holds its agent's name. Intake, which erases people, has no other business here.
CREATE FUNCTION desk.forget_agent(erased uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = desk, pg_temp
AS $$
    DELETE FROM sessions WHERE agent = erased
$$;

REVOKE ALL ON FUNCTION desk.forget_agent FROM PUBLIC;
GRANT USAGE ON SCHEMA desk TO daybook_intake;
GRANT EXECUTE ON FUNCTION desk.forget_agent TO daybook_intake;
