"""Errors, ids and the clock: what every other room stands on."""
