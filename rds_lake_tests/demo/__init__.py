"""Tests of rds_lake/demo: the commands of the README, as a newcomer types them."""
