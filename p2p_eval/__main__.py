"""The program ``p2p-eval``; ``python -m p2p_eval`` is the same."""

from __future__ import annotations

import sys

__all__ = ["main"]

BAD_INPUT = 2
INTERRUPTED = 130


def main() -> None:
    """Run the command line, and leave with its exit code."""
    try:
        # Loaded here, so that an interrupt meanwhile ends as one later does.
        from p2p_eval.cli import app
        from p2p_eval.cli.streams import mend

        mend()
        app(prog_name="p2p-eval")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:  # commands catch their own: here --help or --version did not go out
        print(f"p2p-eval: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
