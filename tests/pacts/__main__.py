"""Write contracts/pacts anew from the declarations."""

from tests.pacts.expectations import expectations
from tests.pacts.files import PACTS, write
from tests.pacts.unsaid import UNSAID

for path in PACTS.glob("*.json"):
    path.unlink()
write(expectations(UNSAID), PACTS)
