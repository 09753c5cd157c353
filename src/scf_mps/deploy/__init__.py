"""From the desk to the cloud: what makes the function's zip. Never deployed itself."""
