"""Tests of the function that runs in AWS Lambda."""
