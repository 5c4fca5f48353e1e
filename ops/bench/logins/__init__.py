"""How many logins go, against what hashing alone allows, and what a flood of them does to all else."""
