"""Deploys, updates and removes a stack of 200 sources under exactly the printed deployer's policy, in the local cloud.

    python -m bench.many_sources

The program is `rds_lake_tests/large/many_sources.py`.
"""

from bench.play import play

if __name__ == "__main__":
    play("many_sources")
