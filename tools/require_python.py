"""Say which Python is needed, before anything is installed."""

import sys

if not (3, 11) <= sys.version_info < (3, 14):
    sys.exit(
        f"chengshu needs Python 3.11 to 3.13; {sys.executable} is {sys.version.split()[0]}. "
        "Say which: make demo PYTHON=python3.12"
    )
