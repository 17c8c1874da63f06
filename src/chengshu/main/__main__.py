"""Run the command line as ``python -m chengshu.main``."""

from chengshu.main.cli import main

main()
