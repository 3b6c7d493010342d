"""Static rules over Terraform, manifests, monitoring and pipelines: no engine, seconds.

Inputs -> one inventory (``sources``) -> what every rule says of it (``judging``). ``inventory`` and
``resource`` are the typed model, ``rules`` are data and pure functions, and what cannot be read or
judged is said: unknown values are ``Unknown``, unknown kinds are not judged, never passed.
"""
