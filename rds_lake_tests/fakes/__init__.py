"""Stand-ins for what the local cloud cannot do on request; each has a contract test beside the real class."""
