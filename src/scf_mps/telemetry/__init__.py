"""Log lines about invocations: the line of each event, and the warning before the time limit."""
