"""The AWS services that LocalStack's open edition lacks, as LocalStack providers of our own.

The package runs inside the emulator's container, beside LocalStack 4.14.0 and Python 3.13, and
never imports the rest of the harness. Breadth comes from moto through LocalStack's own fallback;
handlers of ours stand where a call must act on, or answer from, the real stack: Patroni for RDS,
Sentinel for ElastiCache, the Kubernetes API for EKS and for target health.

Modules without ``localstack`` or ``moto`` in their imports are pure or talk plain HTTP and RESP;
the harness imports those too (faults, wiring, operations).
"""
