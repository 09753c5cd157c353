"""``python -m scf_mps.doctor`` prints the tables of docs/doctor.md."""

from .table import render_tables

print(render_tables())
