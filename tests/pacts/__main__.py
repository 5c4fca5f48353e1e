"""Write contracts/pacts anew from the declarations."""

from tests.pacts.expectations import expectations
from tests.pacts.files import PACTS, write

for path in PACTS.glob("*.json"):
    path.unlink()
write(expectations(), PACTS)
