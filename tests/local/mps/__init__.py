"""Tests of the local MPS."""
