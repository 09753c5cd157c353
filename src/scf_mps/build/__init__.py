"""Build of a function: one flat, reproducible zip that SCF runs (`scf-mps build`)."""
