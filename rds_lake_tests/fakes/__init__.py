"""Stand-ins for what the local cloud cannot show on command; each has a contract test beside the real thing."""
