"""The resources of the API, as it documents them."""
