"""Exit codes, and how an exception becomes one clear message."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

__all__ = ["BAD_INPUT", "INTERRUPTED", "LEFT_OUT", "exit_codes", "stderr"]

BAD_INPUT = 2
LEFT_OUT = 3
INTERRUPTED = 130

TOO_MUCH = ("CUDA out of memory", "can't allocate memory")
"""PyTorch's ways of a MemoryError."""

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def exit_codes(debug: bool) -> Iterator[None]:
    """Turn what goes wrong inside into one message on stderr and an exit code.

    Args:
        debug: Print the traceback too.
    """
    from fcn.errors import FCNError
    from p2p_eval.errors import P2PEvalError

    try:
        yield
    except (P2PEvalError, FCNError) as error:
        _fail(str(error), BAD_INPUT, debug)
    except KeyboardInterrupt:
        _fail(
            "interrupted; run the same command again to go on where it stopped", INTERRUPTED, debug
        )
    except MemoryError:
        _fail("out of memory; fewer --workers or smaller images need less", BAD_INPUT, debug)
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}", BAD_INPUT, debug)
    except typer.Exit:
        raise
    except Exception as error:
        if isinstance(error, RuntimeError) and any(text in str(error) for text in TOO_MUCH):
            _fail("out of memory; smaller batches or images need less", BAD_INPUT, debug)
        _fail(
            f"internal error: {type(error).__name__}: {error}. This is a fault of p2p-eval: "
            "please report it with what --debug prints",
            BAD_INPUT,
            debug,
        )


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    stderr.print(f"[bold red]p2p-eval:[/] {escape(message)}")
    raise typer.Exit(code) from None
