"""`python -m deploy.aws.smoke_test ENVIRONMENT`: ask an installation from outside for what needs its inside.

Reads alone, without an account: each goes through firewall, load balancer and gateway, the first two on over NATS to a
service and its database.
"""

import argparse
import sys
import time
from collections.abc import Callable

import httpx

from deploy.aws.environments import load

DEADLINE = 180.0
"""Seconds, in which new tasks may still take over from old ones."""
PAUSE = 2.0
ASKS_FOR = 10.0


def main() -> None:
    """Exit with 1 and the reason when something does not answer as it should."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("environment")
    url = f"https://{load(parser.parse_args().environment).domain}"
    if problem := trouble(url, DEADLINE):
        raise SystemExit(problem)
    sys.stdout.write(f"{url} answers\n")


def trouble(url: str, seconds: float) -> str | None:
    """Return what is still wrong after so many seconds of asking again, or None as soon as nothing is."""
    until = time.monotonic() + seconds
    with httpx.Client(base_url=url, timeout=ASKS_FOR) as client:
        while problem := _first_problem(client):
            if time.monotonic() > until:
                return problem
            time.sleep(PAUSE)
    return None


def _first_problem(client: httpx.Client) -> str | None:
    for path, right in CHECKS.items():
        try:
            answer = client.get(path)
        except httpx.HTTPError as error:
            return f"{path}: {str(error) or type(error).__name__}"
        if not right(answer):
            return f"{path}: answered {answer.status_code} {answer.text[:200]!r}"
    return None


def _has_keys(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.OK and bool(answer.json())


def _refuses_strangers(answer: httpx.Response) -> bool:
    return (
        answer.status_code == httpx.codes.UNAUTHORIZED and answer.headers["Content-Type"] == "application/problem+json"
    )


CHECKS: dict[str, Callable[[httpx.Response], bool]] = {
    "/v1/ledger/keys": _has_keys,
    "/.well-known/jwks.json": _has_keys,
    "/v1/wallets": _refuses_strangers,
}


if __name__ == "__main__":
    main()
