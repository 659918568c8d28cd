"""Instances: the processes that run users' functions."""
