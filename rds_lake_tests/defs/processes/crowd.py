"""Who is in the crowd beside the shop, and when it is."""

from datetime import UTC, datetime, timedelta
from functools import partial

from rds_lake_tests.support.world import until as _until

OTHERS = tuple(f"db-{number:02}" for number in range(3))
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)

# A look is a question to the local cloud or to Dagster's webserver, which take as long to answer as what is waited for.
until = partial(_until, every=0.5)
