"""``python -m dsptrack``: the command line."""

import sys

from dsptrack.cli import main

if __name__ == "__main__":
    sys.exit(main())
