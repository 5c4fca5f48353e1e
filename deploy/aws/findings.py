"""Findings of cdk-nag that stay, each acknowledged where it arises and with its reason."""

from aws_cdk import Acknowledgment, Stack, Token, Validations
from constructs import IConstruct

_PACK = "AwsSolutions"


def accept(construct: IConstruct, reason: str, *ids: str) -> None:
    """Acknowledge findings on a construct and all below it."""
    for finding in ids:
        Validations.of(construct).acknowledge(Acknowledgment(id=f"{_PACK}::{finding}", reason=reason))


def wildcards(construct: IConstruct, *findings: str) -> list[str]:
    """Return the ids of findings about wildcards in policies, such as `Resource::*`, as cdk-nag writes them.

    It names what only AWS knows, and a region that is known.
    """
    stack = Stack.of(construct)
    known = {stack.account: "<AWS::AccountId>", stack.partition: _partition(stack)}
    return [f"AwsSolutions-IAM5[{_named(finding, known)}]" for finding in findings]


def _partition(stack: Stack) -> str:
    """Return how the partition appears in templates whose region is known."""
    return stack.partition if not Token.is_unresolved(stack.partition) else "aws"


def _named(finding: str, known: dict[str, str]) -> str:
    for token, name in known.items():
        finding = finding.replace(token, name)
    return finding
