"""`python -m deploy.aws.run_job ENVIRONMENT JOB`: run a job of the stack `jobs` and wait until it has ended well."""

import argparse
import sys
import time
from typing import Any

from deploy.aws.environments import Environment, load
from deploy.aws.outputs import aws, outputs

DEADLINE = 1800.0
"""Seconds. A migration that takes longer goes on, but the deployment does not wait for it."""
POLL = 5.0


def main() -> None:
    """Run the job; exit with 1 and its reason when it fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("environment")
    parser.add_argument("job", help="such as wallet-migrate")
    told = parser.parse_args()
    environment = load(told.environment)
    task = _start(environment, told.job)
    ended = _wait(environment, task)
    if problem := failure(ended):
        raise SystemExit(f"{told.job}: {problem}")
    sys.stdout.write(f"{told.job}: done\n")


def failure(task: dict[str, Any]) -> str | None:
    """Return why a task that has ended failed, or None: its containers said 0, all of them."""
    for container in task["containers"]:
        if container.get("exitCode") != 0:
            reason = container.get("reason") or task.get("stoppedReason") or "it did not say why"
            return f"{container['name']} ended with {container.get('exitCode', 'no code')}: {reason}"
    return None


def output_key(job: str, what: str) -> str:
    """Return the name of an output of the stack: CloudFormation's names have no hyphens."""
    return f"{job}-{what}".replace("-", "")


def _start(environment: Environment, job: str) -> str:
    told = outputs(environment, "jobs")
    if output_key(job, "definition") not in told:
        raise SystemExit(f"there is no job {job}")
    network = f"awsvpcConfiguration={{{told[output_key(job, 'network')]},assignPublicIp=DISABLED}}"
    started = aws(
        environment,
        "ecs",
        "run-task",
        "--cluster",
        environment.prefix,
        "--launch-type",
        "FARGATE",
        "--task-definition",
        told[output_key(job, "definition")],
        "--network-configuration",
        network,
    )
    if started["failures"]:
        raise SystemExit(f"{job} was not started: {started['failures'][0].get('reason')}")
    return str(started["tasks"][0]["taskArn"])


def _wait(environment: Environment, task: str) -> dict[str, Any]:
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        described: dict[str, Any] = aws(
            environment, "ecs", "describe-tasks", "--cluster", environment.prefix, "--tasks", task
        )["tasks"][0]
        if described["lastStatus"] == "STOPPED":
            return described
        time.sleep(POLL)
    raise SystemExit(f"{task} has not ended after {DEADLINE:.0f} s; it goes on")


if __name__ == "__main__":
    main()
