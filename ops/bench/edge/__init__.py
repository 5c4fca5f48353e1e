"""How many refreshes and reads the edge serves, and what each costs."""
