#!/bin/sh
# Makes of what ECS gives as variables what `ledgerlink` reads, and becomes it.
set -eu
if [ -n "${NATS_AUTHORITY:-}" ]; then
  # The broker's authority beside the public ones: OpenSSL's default place, which all clients in Python begin with.
  trusted="${LEDGERLINK_TRUSTED:-/tmp/trusted.pem}"
  { cat "${SYSTEM_CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}"; printf '%s\n' "$NATS_AUTHORITY"; } > "$trusted"
  export SSL_CERT_FILE="$trusted"
  unset NATS_AUTHORITY
fi
if [ -n "${REDIS_PASSWORD:-}" ]; then
  export GATEWAY_REDIS_URL="rediss://:$REDIS_PASSWORD@$REDIS_ADDRESS/0"
  unset REDIS_PASSWORD REDIS_ADDRESS
fi
exec ledgerlink "$@"
