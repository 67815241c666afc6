"""Stages that run at the same time, one AWS call at a time, in an order that a seed decides (`model/aws/engine.py`)."""
