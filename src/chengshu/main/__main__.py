"""Run the command line as ``python -m chengshu.main``."""

from chengshu.main.door import main

main()
