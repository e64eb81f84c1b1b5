-- The four roles (see docs/decisions.md). Run once per server by a role that may create roles, before the
-- first migration; running it again changes nothing but the passwords. {{…}} are filled in by Bootstrap.
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT * FROM (VALUES
    ('holdfast_owner',    'LOGIN'),
    ('holdfast_app',      'LOGIN'),
    ('holdfast_audit',    'LOGIN'),
    ('holdfast_dispatch', 'NOLOGIN')) AS t(name, login)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.name) THEN
      EXECUTE format('CREATE ROLE %I %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', r.name, r.login);
    END IF;
  END LOOP;
END $$;

-- The owner hands the dispatch functions over to their owner, for which it must be a member. Nobody else is.
GRANT holdfast_dispatch TO holdfast_owner;

-- A lost or frozen client frees its locks within seconds.
ALTER ROLE holdfast_app SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE holdfast_app SET lock_timeout = '3s';
ALTER ROLE holdfast_app SET statement_timeout = '10s';
ALTER ROLE holdfast_app SET client_connection_check_interval = '1s';
ALTER ROLE holdfast_app SET tcp_keepalives_idle = 3;
ALTER ROLE holdfast_app SET tcp_keepalives_interval = 1;
ALTER ROLE holdfast_app SET tcp_keepalives_count = 3;
ALTER ROLE holdfast_app SET tcp_user_timeout = '5s';
-- Every statement finds its rows by an index, whatever its parameters: planning it anew for each costs more. A plan
-- made while the tables are empty would read them from end to end, and be kept until they are analysed.
ALTER ROLE holdfast_app SET plan_cache_mode = 'force_generic_plan';
ALTER ROLE holdfast_app SET enable_seqscan = off;
ALTER ROLE holdfast_app SET enable_bitmapscan = off;
ALTER ROLE holdfast_app SET enable_hashjoin = off;
ALTER ROLE holdfast_app SET enable_mergejoin = off;
ALTER ROLE holdfast_app SET jit = off;
ALTER ROLE holdfast_audit SET default_transaction_read_only = on;
