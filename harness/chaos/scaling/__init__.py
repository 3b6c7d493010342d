"""The autoscaler: load, replicas, metrics."""
