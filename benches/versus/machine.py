"""What a measurement was made with."""

import contextlib
import platform
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def processor() -> str:
    """The machine in a few words."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        return f"{len(names)} x {names[0]}"
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit that is measured."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=7"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
