"""Workbooks for departments without a system: a template to fill, and what was wrong with it."""
