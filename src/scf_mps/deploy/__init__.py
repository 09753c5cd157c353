"""Deployment of a function to SCF (`scf-mps deploy`)."""
