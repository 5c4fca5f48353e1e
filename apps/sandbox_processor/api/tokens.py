"""POST /v1/tokens: a token for a test card number or test IBAN."""

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from apps.sandbox_processor.api.answers import JSONAnswer
from apps.sandbox_processor.api.bodies import BankBody, CardBody, parsed, raw_body
from apps.sandbox_processor.api.company import company_of
from apps.sandbox_processor.api.errors import RefusedError
from apps.sandbox_processor.domain import seeding
from apps.sandbox_processor.domain.behaviours import token_of
from apps.sandbox_processor.domain.numbers import is_card_number, is_iban
from apps.sandbox_processor.store import tokens

_OBJECT = TypeAdapter(dict[str, object])


async def post_token(request: Request) -> Response:
    """Answer a new token. A number that is not in the table is refused: a real one has no business here."""
    company = company_of(request)
    network, account = company.network, company.client(request)
    number, what = _number(await raw_body(request))
    stands_for = token_of(number)
    if stands_for is None:
        raise RefusedError(422, "not_a_test_number", f"{what}: only test numbers are taken, never a real one")
    with network.transaction() as database:
        made = tokens.save(database, account, stands_for, lambda n: seeding.name("tok_", network.seed, account, str(n)))
    return JSONAnswer({"token": made, "last4": number[-4:]}, 201)


def _number(body: bytes) -> tuple[str, str]:
    """Return the number without blanks, and which field it came in. Raises RefusedError."""
    try:
        is_bank = "iban" in _OBJECT.validate_json(body)
    except ValidationError:
        is_bank = False
    if is_bank:
        number = "".join(parsed(body, BankBody).iban.split()).upper()
        if not is_iban(number):
            raise RefusedError(422, "incorrect_iban", "iban: its check digits are wrong")
        return number, "iban"
    number = "".join(parsed(body, CardBody).number.split())
    if not is_card_number(number):
        raise RefusedError(422, "incorrect_number", "number: its check digit is wrong")
    return number, "number"
