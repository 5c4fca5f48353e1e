"""The pact files, one for each pair of a consumer and a provider."""

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.pacts.expectations import Expectation

PACTS = Path(__file__).parents[2] / "contracts" / "pacts"
CONTENT_TYPE = "application/cloudevents+json"
os.environ.setdefault("PACT_DO_NOT_TRACK", "true")  # it would tell its makers, and wait for them where it cannot


def write(expected: Iterable[Expectation], directory: Path) -> None:
    """Write the pacts of sorted expectations."""
    from pact import Pact

    directory.mkdir(parents=True, exist_ok=True)
    for (consumer, provider), agreed in groupby(expected, key=lambda one: (one.consumer, one.provider)):
        pact = Pact(consumer, provider).with_specification("V4")
        for one in agreed:
            pact.upon_receiving(one.description, "Async").with_body(one.body, CONTENT_TYPE)
        pact.write_file(directory, overwrite=True)
