"""What an answer says of rate limits: draft-ietf-httpapi-ratelimit-headers-10, structured fields (RFC 9651)."""

from gateway.gcra import SECOND, Policy
from gateway.rate_limit import Verdict


def rate_fields(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """Return the fields of an answer; none when only policies in shadow were asked, of which nobody is told.

    `r` is how many units are left, `t` in how many seconds all of the quota will be.
    """
    policies, standings = [], []
    for charge, standing in zip(verdict.charges, verdict.standings, strict=True):
        policy = charge.policy
        if not policy.shadow:
            policies.append(_promise(policy))
            left = (policy.span - standing.used) // policy.interval
            standings.append(f'"{policy.name}";r={left};t={-(-standing.used // SECOND)}')
    if not policies:
        return []
    return [
        (b"ratelimit-policy", ", ".join(policies).encode("ascii")),
        (b"ratelimit", ", ".join(standings).encode("ascii")),
    ]


def _promise(policy: Policy) -> str:
    return f'"{policy.name}";q={policy.quota};w={policy.window}'
