"""Log lines about invocations, the warning before the time limit, and the export of spans."""
