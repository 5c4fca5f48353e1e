"""The rule set that is active until people have made another one."""

from importlib.resources import files

from apps.risk.domain.rule_sets.documents import RuleSetDocument

BASELINE = RuleSetDocument.model_validate_json((files("apps.risk") / "rule_sets" / "baseline.json").read_bytes())
