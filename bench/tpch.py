"""TPC-H on the local Redshift: 22 queries by COPY of Parquet, COPY of gzipped lines and Spectrum, against PostgreSQL.

    python -m bench.tpch --scale 1

The program is `rds_lake_tests/large/redshift/tpch.py`; its exit code is 1 when an answer differs.
"""

from bench.play import play

if __name__ == "__main__":
    play("redshift.tpch")
