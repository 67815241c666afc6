"""What a server of the local cloud leaves behind."""

import subprocess
from pathlib import Path


def traces(folder: Path) -> list[str]:
    """Processes that were started from a folder, and the folder itself."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if str(folder) in line] + ([str(folder)] if folder.exists() else [])
