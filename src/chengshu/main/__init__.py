"""The composition root: settings, command line, and the choice of adapters."""
