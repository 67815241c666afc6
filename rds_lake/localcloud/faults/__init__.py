"""Fault injection: failing exports and jobs, lost or late events, throttled calls, a wrong clock."""
