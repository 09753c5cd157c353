"""Tencent Cloud's API: clients, credentials and services."""
