"""Tests of the folder `examples`: each is really run."""
