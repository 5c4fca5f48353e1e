"""The page for integrators who listen to the messages themselves: docs/asyncapi, rendered without anybody's script."""
