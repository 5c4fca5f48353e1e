"""`python -m deploy.aws.outputs ENVIRONMENT STACK KEY`: what a deployed stack says of itself, or nothing."""

import argparse
import json
import subprocess
import sys
from typing import Any

from deploy.aws.environments import Environment, load

RELEASE = "Release"
"""The tag of the images that the services were last deployed with."""
AWS_SECONDS = 60.0


def main() -> None:
    """Write one output."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("environment", "stack", "key"):
        parser.add_argument(name)
    told = parser.parse_args()
    environment = load(told.environment)
    sys.stdout.write(outputs(environment, told.stack).get(told.key, "") + "\n")


def outputs(environment: Environment, stack: str) -> dict[str, str]:
    """Return the outputs of a stack by their keys; none where there is no such stack yet. Raises SystemExit."""
    described = aws(environment, "cloudformation", "describe-stacks", "--stack-name", f"{environment.prefix}-{stack}")
    if described is None:
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in described["Stacks"][0].get("Outputs", [])}


def aws(environment: Environment, *arguments: str) -> Any:
    """Ask AWS's command line; None where there is no such stack. Raises SystemExit with what it said."""
    command = ["aws", *arguments, "--region", environment.region, "--output", "json"]
    done = subprocess.run(  # noqa: S603  # an argument list, no shell
        command, capture_output=True, text=True, timeout=AWS_SECONDS, check=False
    )
    if done.returncode and "does not exist" in done.stderr and arguments[0] == "cloudformation":
        return None
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
