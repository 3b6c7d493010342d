# For a rehearsal against an emulator: everything can be deleted again. The token is no secret; the
# harness gives the stack's own with --var redis_auth_token=...
rehearsal           = true
deletion_protection = false
delivery_subject    = "repo:smart-dairy/platform:environment:production"
redis_auth_token    = "rehearsal-only-and-no-secret"
