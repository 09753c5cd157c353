"""``python -m scf_mps.deploy.doctor`` prints the table of docs/doctor.md."""

from .table import table

print(table())
