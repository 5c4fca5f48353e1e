"""What GitHub's workflows name is there, and they may do no more than they need."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.topology import SERVICES
from deploy.release_notes import notes

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAY_WRITE = {("deploy", "id-token"), ("rollback", "id-token"), ("release", "contents")}
"""Which jobs' own steps may do what: be known to AWS, and make a release."""


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        yield from yaml.safe_load(path.read_text())["jobs"].items()


def steps() -> Iterator[dict[str, Any]]:
    for _, job in jobs():
        yield from job.get("steps", [])


def texts() -> str:
    return "\n".join(path.read_text() for path in WORKFLOWS)


def test_workflows_are_looked_at() -> None:
    assert [path.stem for path in WORKFLOWS] == ["checks", "deploy", "deploy_environment", "release", "rollback"]


def test_every_action_is_pinned_by_commit_and_says_its_version() -> None:
    used = re.findall(r"uses: (?!\./)(.+)", texts())
    assert len(used) > 20
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_one_action_has_one_version() -> None:
    used = set(re.findall(r"uses: (?!\./)([\w/-]+)@(\w+)", texts()))
    assert len(used) == len({action for action, _ in used})


def test_no_workflow_may_do_anything_but_by_its_jobs() -> None:
    assert all(yaml.safe_load(path.read_text())["permissions"] == {} for path in WORKFLOWS)
    writing = set()
    for name, job in jobs():
        assert "permissions" in job, name
        for what, how in job["permissions"].items():
            if how == "write" and "steps" in job:
                writing.add((name, what))
    assert writing == MAY_WRITE


def test_every_job_ends_in_time_and_leaves_no_credentials_behind() -> None:
    for name, job in jobs():
        assert "uses" in job or job["timeout-minutes"] <= 120, name
    for step in steps():
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_no_script_has_an_expression_in_it() -> None:
    for step in steps():
        assert "${{" not in step.get("run", ""), "what others write would run: give it by an environment variable"


def test_every_task_and_module_and_file_is_there() -> None:
    tasks = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    named = re.findall(r"uv run task ([\w-]+)", texts())
    assert {"check", "test", "aws"} == set(named)
    assert set(named) <= tasks.keys()
    modules = set(re.findall(r"-m ([\w.]+)", texts()))
    assert {"deploy.aws.run_job", "deploy.aws.outputs", "deploy.aws.smoke_test", "deploy.release_notes"} == modules
    assert all((ROOT / module.replace(".", "/")).with_suffix(".py").exists() for module in modules)
    files = set(re.findall(r"--file (\S+)|(deploy/aws/images/[\w/]+)|(deploy/aws/\w+\.sh)", texts()))
    assert len(files) >= 4
    assert all((ROOT / name).exists() for found in files for name in found if name)


def test_a_deployment_does_first_what_the_rest_needs() -> None:
    deployment = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy_environment.yml").read_text())
    text = "\n".join(step.get("run", "") for step in deployment["jobs"]["deploy"]["steps"])
    order = [
        "network state",
        "docker push",
        "broker jobs",
        "-migrate",
        "job provision",
        "outputs",
        "sh services",
        "smoke",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert f"for service in {' '.join(SERVICES)}; do" in text


def test_notes_of_a_release_are_its_section_of_the_change_log() -> None:
    changelog = "# Changelog\n\n## Unreleased\n\n- Later.\n\n## 1.2.3 - 2026-01-31\n\n- New.\n\n## 1.2.2\n\n- Old.\n"
    assert notes(changelog, "1.2.3") == "- New.\n"
    assert notes(changelog, "1.2.2") == "- Old.\n"
    with pytest.raises(SystemExit, match=r"1\.2\.4"):
        notes(changelog, "1.2.4")
