"""Bring what departments hold into the platform, and deliver to them what is theirs."""
