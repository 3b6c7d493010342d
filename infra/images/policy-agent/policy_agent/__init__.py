"""Enforces networking.k8s.io/v1 NetworkPolicy on the node it runs on, with nftables."""
