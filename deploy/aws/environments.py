"""What differs between dev, staging and prod: read from cdk.json, nothing else decides by an environment's name."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

CDK_JSON = Path(__file__).with_name("cdk.json")


class Size(BaseModel):
    """What one task of a process gets, and how many tasks there are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: int = Field(ge=256, le=16384, description="CPU units of Fargate, 1024 to a core")
    memory: int = Field(ge=512, le=122880, description="MiB")
    least: int = Field(ge=1, le=100)
    most: int = Field(ge=1, le=100)


class Environment(BaseModel):
    """One installation of LedgerLink."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,15}$")
    image_tag: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    region: str
    zones: list[str] = Field(min_length=3, max_length=3, description="One for each node of the broker")
    domain: str = Field(description="The name that clients reach the API by")
    certificate_arn: str = Field(pattern=r"^arn:aws[a-z-]*:acm:")
    smtp_host: str
    smtp_user: str
    alarm_email: str
    github_repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="Whose workflows may deploy")
    nat_gateways: int = Field(ge=1, le=3)
    keeps_data: bool = Field(description="Whether deleting a stack leaves its data, and databases refuse deletion")
    multi_az: bool
    backup_days: int = Field(ge=1, le=35)
    log_days: int
    database_class: str
    database_gib: int = Field(ge=20)
    cache_class: str
    broker_class: str = Field(description="An instance type with an x86 processor, as the image is built for one")
    broker_gib: int = Field(ge=64, description="More than all streams may hold together (contracts.topology)")
    requests_per_5_minutes: int = Field(ge=100, description="Of one address; more is refused at the edge")
    trace_share: float = Field(ge=0, le=1)
    processes: dict[str, Size]

    @property
    def prefix(self) -> str:
        """What names of this environment begin with."""
        return f"ledgerlink-{self.name}"


def load(name: str, image_tag: str = "latest") -> Environment:
    """Return an environment of cdk.json. Raises KeyError, and ValidationError for one that is wrong."""
    described = json.loads(CDK_JSON.read_text())["context"]["environments"][name]
    return Environment(name=name, image_tag=image_tag, **described)
