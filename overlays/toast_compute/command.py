"""What can be done from a command line? `toast-compute`.

For now it answers where the settings come from (`config`) and whether they work (`doctor`). Commands for resources
will join them here.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings

from ._cli.doctor import diagnose, settings_problem, show_settings
from .errors import ConfigurationError

PROGRAM = "toast-compute"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 when something is wrong, 2 for arguments that it does not know.

    Warnings are printed as lines on standard error.
    """
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            status = _COMMANDS[options.command](options.profile, options.base_url)
            sys.stdout.flush()
        except ConfigurationError as error:
            _complain(str(error))
            status = 1
        except BrokenPipeError:
            # What could not be written is still in the buffer; Python would try again when it ends, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except KeyboardInterrupt:
            status = 130
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        _complain(f"warning: {message}")
    return status


def _config(profile: str | None, base_url: str | None) -> int:
    for line in show_settings(profile, base_url):
        print(line)
    problem = settings_problem(profile, base_url)
    if problem is not None:
        _complain(problem)
        return 1
    return 0


def _doctor(profile: str | None, base_url: str | None) -> int:
    good = True
    for check in diagnose(profile, base_url):
        print(check, flush=True)
        good = good and check.ok is not False
    return 0 if good else 1


_COMMANDS = {"config": _config, "doctor": _doctor}


def _complain(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--profile", metavar="NAME", help="the profile of the configuration file to use")
    common.add_argument("--base-url", metavar="URL", help="where the service is")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Look at the settings for TOAST Compute and try them.",
        epilog="Credentials come from TOAST_COMPUTE_APPKEY, TOAST_COMPUTE_USERNAME and TOAST_COMPUTE_PASSWORD, "
        "or from a profile.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in (
        ("config", "Show every setting, its value with secrets masked, and where it comes from."),
        ("doctor", "Check the settings and the way to the service: issue a token and make one read."),
    ):
        commands.add_parser(name, parents=[common], help=text, description=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
