#!/bin/sh
# Run once by the image, when the cluster is new: the service's database and its two roles (service_database.sql).
set -eu
for password in "/run/ledgerlink/$(echo "$SERVICE" | tr '[:lower:]' '[:upper:]')"*_PASSWORD; do
  export "$(basename "$password")=$(cat "$password")"
done
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=service="$SERVICE" --file=/usr/share/ledgerlink/service_database.sql
