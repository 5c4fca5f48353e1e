"""The document of the active rule set: asked for by name in each transaction, read once."""

from apps.risk.store import rule_sets
from outbox.database import Reads


class ActiveDocuments:
    """Finds what is active; keeps the last document, so that a batch reads no more than a name."""

    def __init__(self) -> None:
        self._kept: tuple[str, bytes] | None = None

    async def find(self, reads: Reads) -> tuple[str, bytes] | None:
        """Return hash and canonical document of the active rule set, None where none is."""
        name = await rule_sets.load_active(reads)
        if name is None:
            return None
        if self._kept is None or self._kept[0] != name:
            document = await rule_sets.load_document(reads, name)
            if document is None:
                return None
            self._kept = name, document
        return self._kept
