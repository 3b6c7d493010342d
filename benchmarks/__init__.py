"""Benchmarks: ratios and errors measured in one run, printed as JSON."""
