"""`python -m deploy.aws.fill_secrets ENVIRONMENT`: make the secret settings that are not there yet, keep the others.

Run by an administrator after the stack that keeps state, and when a new setting has come. Values go to Secrets
Manager by the standard input of AWS's command line, and are neither shown nor written anywhere.
"""

import argparse
import json
import secrets as random
import subprocess
import sys
from collections.abc import Mapping

from cryptography.x509 import DNSName
from nkeys import from_seed

from deploy.aws import certificates
from deploy.aws.environments import load
from deploy.aws.processes import AUTHORITY, NAMESPACE, NODES, SECRET_SETTINGS
from deploy.aws.secret_names import AUTHORITY as AUTHORITY_SECRET
from deploy.aws.secret_names import BROKER, secret_name
from ops.stack.process_secrets import secrets_of
from ops.stack.secrets import Secrets

GIVEN = {"IDENTITY_SMTP_PASSWORD": "", "PAYMENTS_PROCESSORS": "[]"}
"""What others give us: empty until an administrator puts it in."""
AWS_SECONDS = 60.0
_SEED = "_NATS_SEED"

Kept = Mapping[str, Mapping[str, str]]
"""The fields of each secret."""


def complete(kept: Kept, *, renew_certificates: bool = False) -> dict[str, dict[str, str]]:
    """Return all secrets: what is kept, with what it lacks made; certificates anew if asked for."""
    made = Secrets().complete()
    filled = {process: _settings(process, made) | dict(kept.get(process, {})) for process in SECRET_SETTINGS}
    broker, authority = dict(kept.get(BROKER, {})), dict(kept.get(AUTHORITY_SECRET, {}))
    if renew_certificates or "BROKER_CERTIFICATE" not in broker or AUTHORITY not in authority:
        new = certificates.make([DNSName(f"{node}.{NAMESPACE}") for node in NODES])
        broker |= {"BROKER_CERTIFICATE": new.certificate, "BROKER_CERTIFICATE_KEY": new.key}
        authority[AUTHORITY] = new.authority
    broker.setdefault("BROKER_ROUTE_PASSWORD", random.token_urlsafe(32))
    broker["BROKER_PUBLIC_KEYS"] = json.dumps(
        {process: _public_key(fields[f"{process.upper()}{_SEED}"]) for process, fields in filled.items()}
    )
    return filled | {BROKER: broker, AUTHORITY_SECRET: authority}


def _settings(process: str, made: Secrets) -> dict[str, str]:
    prefix = process.upper()
    new = {f"{prefix}_{name}": value for name, value in secrets_of(process, made).items()} | GIVEN
    return {f"{prefix}_{name}": new[f"{prefix}_{name}"] for name in SECRET_SETTINGS[process]}


def _public_key(seed: str) -> str:
    return str(from_seed(seed.encode()).public_key.decode())


def main() -> None:
    """Complete the secrets of the environment that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("environment")
    parser.add_argument("--renew-certificates", action="store_true", help="make the broker's certificates anew")
    told = parser.parse_args()
    environment = load(told.environment)
    names = {s: secret_name(environment.name, s) for s in (*SECRET_SETTINGS, BROKER, AUTHORITY_SECRET)}
    kept = {secret: _get(name, environment.region) for secret, name in names.items()}
    for secret, fields in complete(kept, renew_certificates=told.renew_certificates).items():
        if fields != kept[secret]:
            _put(names[secret], fields, environment.region)
            sys.stdout.write(f"{names[secret]}: changed\n")


def _get(name: str, region: str) -> dict[str, str]:
    answer = _aws(region, "get-secret-value", {"SecretId": name})
    fields: dict[str, str] = json.loads(json.loads(answer)["SecretString"])
    return fields


def _put(name: str, fields: Mapping[str, str], region: str) -> None:
    _aws(region, "put-secret-value", {"SecretId": name, "SecretString": json.dumps(fields)})


def _aws(region: str, operation: str, request: Mapping[str, str]) -> str:
    """Ask Secrets Manager. The request goes in by standard input: arguments are seen by everybody on a machine."""
    command = ["aws", "secretsmanager", operation, "--region", region, "--cli-input-json", "file:///dev/stdin"]
    done = subprocess.run(  # noqa: S603  # an argument list, no shell
        command, input=json.dumps(request), capture_output=True, text=True, timeout=AWS_SECONDS, check=False
    )
    if done.returncode:
        raise SystemExit(f"{operation} of {request['SecretId']}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
