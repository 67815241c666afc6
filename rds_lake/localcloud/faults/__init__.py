"""What goes wrong on request: exports and jobs that fail, events that are lost or late, throttled calls, a wrong clock."""
