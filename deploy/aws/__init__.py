"""LedgerLink on AWS: ECS, RDS, ElastiCache and a NATS cluster, as an AWS CDK app (docs/guides/aws.md)."""
