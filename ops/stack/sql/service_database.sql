-- One service's database and its two roles, made as far as they do not exist yet. Run by psql as the administrator with
-- `service` set, and the roles' passwords in the environment (<SERVICE>_PASSWORD, <SERVICE>_OWNER_PASSWORD).
\set owner :service _owner
SELECT
  upper(:'service') || '_PASSWORD' AS password_variable,
  upper(:'service') || '_OWNER_PASSWORD' AS owner_password_variable
\gset
\getenv password :password_variable
\getenv owner_password :owner_password_variable

SELECT
  NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service') AS runtime_role_missing,
  NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') AS owner_role_missing,
  NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') AS database_missing
\gset

\if :owner_role_missing
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'owner_password';
\endif
\if :runtime_role_missing
CREATE ROLE :"service" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
\endif
\if :database_missing
-- As initdb is told elsewhere: where somebody else made the cluster, the database sorts the same.
CREATE DATABASE :"service" OWNER :"owner" TEMPLATE template0
  ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
\endif

-- Every database grants CONNECT and TEMPORARY to PUBLIC at first: without this each service could enter each database.
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"owner", :"service";
\connect :"service"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"service";
\connect postgres
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
