"""The bench of backtests: how long a rule set takes to judge past payments."""
