"""The development console: the local stack, its activity and its web page."""
