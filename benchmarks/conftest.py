"""Let the suites import what the scripts beside them share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
