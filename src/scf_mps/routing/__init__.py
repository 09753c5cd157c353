"""Registration of callbacks, and selection of the callbacks for each result."""
