"""The gate: may this environment be applied? Waivers, policy, attestation, verification."""
