"""Makes build/, the folder SCF is given: `index.py`, the package and `handlers/` (`make build`).

A function needs nothing but the standard library yet; what is for the desk alone is left out.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOR_THE_DESK = shutil.ignore_patterns("__pycache__", "cli", "local", "callbacks.py")


def main() -> None:
    build = ROOT / "build"
    shutil.rmtree(build, ignore_errors=True)
    shutil.copytree(ROOT / "src" / "scf_mps", build / "scf_mps", ignore=FOR_THE_DESK)
    shutil.copytree(ROOT / "handlers", build / "handlers", ignore=FOR_THE_DESK)
    # SCF loads `index.main_handler`; whatever the loader, the application is a module of its own (see
    # docs/architecture.md), so nothing but this line may be here.
    (build / "index.py").write_text("from handlers import main_handler as main_handler\n")
    size = sum(path.stat().st_size for path in build.rglob("*") if path.is_file())
    print(f"build/: {size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
