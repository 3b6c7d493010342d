"""Faults of the AWS API, as the emulated services answer it."""
