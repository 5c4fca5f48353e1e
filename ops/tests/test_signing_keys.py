"""What is told when something else answers in the place of the gateway."""

import httpx
import pytest

from ops.signing_keys import _answered
from ops.stack.errors import StackError


@pytest.mark.parametrize(
    "answer", [httpx.Response(502, text="<html>bad gateway</html>"), httpx.Response(200, text=""), httpx.Response(500)]
)
def test_what_is_no_answer_of_the_gateway_is_told_as_that(answer: httpx.Response) -> None:
    with pytest.raises(StackError, match=f"answers {answer.status_code} .* `ledgerlink status`"):
        _answered(answer)
