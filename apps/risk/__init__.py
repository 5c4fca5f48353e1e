"""The risk service: decides about payments by declarative rules over what it has seen of the payer."""
