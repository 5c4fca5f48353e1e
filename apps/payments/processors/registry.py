"""All processors that the settings name."""

from collections.abc import Mapping, Sequence

from apps.payments.processors.configuration import ProcessorKind, ProcessorSettings
from apps.payments.processors.port import Processor
from apps.payments.processors.sandbox import SandboxProcessor


def build(settings: Sequence[ProcessorSettings]) -> Mapping[str, Processor]:
    """Return the processors by name; nothing is connected yet. Raises ValueError when a secret cannot be one."""
    return {processor.name: _built(processor) for processor in settings}


def _built(settings: ProcessorSettings) -> Processor:
    match settings.kind:
        case ProcessorKind.SANDBOX:
            return SandboxProcessor(settings)
        case ProcessorKind.STRIPE:
            from apps.payments.processors.stripe import StripeProcessor  # the library is large, and not always needed

            return StripeProcessor(settings)
