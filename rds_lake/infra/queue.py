"""The settings of a lake's events queue, however it is created."""

from __future__ import annotations

# The dead-letter queue's name is the queue's with this.
DEAD_SUFFIX = "-dead"
# A message that could not be decided this often goes to the dead-letter queue.
MAX_RECEIVES = 10
# Far above the sensor's interval: a received message must not come again before the next tick deletes it.
VISIBILITY_SECONDS = 300
KEEP_SECONDS = 14 * 24 * 3600
