#!/bin/sh
# Makes the database and roles of $SERVICE where they are missing. RDS's administrator is no superuser: it must be made a
# member of the roles that it makes to give them anything (PostgreSQL 16, createrole_self_grant).
set -eu
PGOPTIONS="-c createrole_self_grant=set,inherit" exec psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres \
  --set=service="$SERVICE" --file="${SERVICE_DATABASE_SQL:-/usr/share/ledgerlink/service_database.sql}"
