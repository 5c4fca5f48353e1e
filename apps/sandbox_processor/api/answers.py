"""JSON answers."""

from typing import Any

import orjson
from starlette.responses import Response


class JSONAnswer(Response):
    """An answer in JSON that nobody stores."""

    media_type = "application/json"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.headers["Cache-Control"] = "no-store"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return orjson.dumps(content)
