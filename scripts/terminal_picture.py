"""Draw what commands print as a terminal: `terminal_picture.py OUT.svg COMMAND...`, each COMMAND one argument."""

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

#: Wide enough for `kubectl get all`.
COLUMNS = 132


def main(out: Path, commands: list[str]) -> None:
    """Run each command, show it with what it prints, and save the picture."""
    console = Console(record=True, width=COLUMNS, force_terminal=True)
    for command in commands:
        console.print(Text(f"$ {command}", style="bold"))
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"terminal_picture: {command}: {done.stderr}")
        console.print(Text(done.stdout))
    console.save_svg(str(out), title="flask-scale")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
