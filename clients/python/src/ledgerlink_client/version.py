"""Which version of the client it is."""

import platform
from importlib.metadata import version

VERSION = version("ledgerlink-client")
USER_AGENT = f"ledgerlink-client/{VERSION} python/{platform.python_version()}"
