from collections.abc import Mapping
from typing import Any

from deploy.aws.processes import PROCESSES, SERVICES
from deploy.aws.tests.conftest import Templates

CIDRS = {"CidrIp", "CidrIpv6", "SourcePrefixListId"}


def ingress(prod: Templates) -> list[tuple[str, str, int]]:
    """Every rule that lets somebody in, as (from, to, port), whether inline or a resource of its own."""
    groups = prod.network.find_resources("AWS::EC2::SecurityGroup")
    inline = [
        (rule.get("CidrIp", "?"), name, rule["FromPort"])
        for name, group in groups.items()
        for rule in group["Properties"].get("SecurityGroupIngress", [])
    ]
    rules = prod.network.find_resources("AWS::EC2::SecurityGroupIngress").values()
    return inline + [(_group(r, "SourceSecurityGroupId"), _group(r, "GroupId"), _port(r)) for r in rules]


def _group(rule: Mapping[str, Any], field: str) -> str:
    return str(rule["Properties"][field]["Fn::GetAtt"][0])


def _port(rule: Mapping[str, Any]) -> int:
    return int(rule["Properties"]["FromPort"])


def test_the_world_reaches_the_load_balancer_alone(every: Mapping[str, Templates]) -> None:
    for templates in every.values():
        world = [(group, port) for source, group, port in ingress(templates) if source == "0.0.0.0/0"]
        assert {port for _, port in world} == {80, 443}
        assert all(group.startswith("balancer") for group, _ in world)
        groups, rules = (templates.resources(f"AWS::EC2::SecurityGroup{kind}") for kind in ("", "Ingress"))
        assert len(groups) == len(templates.network.find_resources("AWS::EC2::SecurityGroup")), "a group elsewhere"
        assert all(rule["Properties"].keys().isdisjoint(CIDRS) for rule in rules.values())
        inline = [r for g in groups.values() for r in g["Properties"].get("SecurityGroupIngress", [])]
        assert not [rule for rule in inline if "CidrIpv6" in rule or "SourcePrefixListId" in rule]


def test_a_service_reaches_its_own_database_and_no_other(prod: Templates) -> None:
    clients = [(source, group) for source, group, port in ingress(prod) if port == 5432]
    for service in SERVICES:
        sources = {source for source, group in clients if group.startswith(f"{service}database")}
        own = {source for source in sources if any(source.startswith(f"{p}group") for p in PROCESSES)}
        assert len(own) == 1
        assert own.pop().startswith(service)
        assert len(sources) == 4, "the service, its migration, the job that makes databases, rotation"


def test_nobody_but_the_gateway_reaches_valkey(prod: Templates) -> None:
    sources = [source for source, _, port in ingress(prod) if port == 6379]
    assert len(sources) == 1
    assert sources[0].startswith("gateway")


def test_routes_of_the_broker_are_its_own_matter(prod: Templates) -> None:
    routes = [(source, group) for source, group, port in ingress(prod) if port == 6222]
    assert len(routes) == 1
    assert routes[0][0] == routes[0][1]


def test_no_group_lets_everything_out(prod: Templates) -> None:
    for group in prod.network.find_resources("AWS::EC2::SecurityGroup").values():
        for rule in group["Properties"].get("SecurityGroupEgress", []):
            assert rule["IpProtocol"] != "-1", group["Properties"]["GroupDescription"]
