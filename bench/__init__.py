"""Benchmarks: each sets ours beside a peer or the bare engine in one run and prints the ratio."""
