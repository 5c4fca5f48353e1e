"""Where requests came from, as it is kept: sealed under the key of the user whom it concerns."""

from apps.identity.domain.sealing import SealBrokenError, Sealer
from contracts.identity import Origin


def sealed_origin(sealer: Sealer, personal_key: bytes | None, origin: Origin | None) -> bytes | None:
    """Return an origin as it is kept; None where there is none, or no key of a user to seal it under."""
    return None if origin is None else sealer.seal_personal(personal_key, origin.model_dump_json().encode())


def opened_origin(sealer: Sealer, personal_key: bytes | None, sealed: bytes | None) -> Origin | None:
    """Return what was sealed; None where nothing was, or no key that is configured opens it any more."""
    try:
        content = sealer.open_personal(personal_key, sealed)
    except SealBrokenError:
        return None
    return Origin.model_validate_json(content) if content else None
