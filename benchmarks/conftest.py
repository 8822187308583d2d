"""Let the suites import what the scripts beside them share, and say of a machine what matters."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

KEPT = ("machine", "processor", "python_version", "release", "system")


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Keep the machine's name and the flags of its processor to itself."""
    brand = machine_info.get("cpu", {}).get("brand_raw", "")
    for key in set(machine_info) - set(KEPT):
        del machine_info[key]
    machine_info["cpu"] = {"brand_raw": brand}
