"""The command `toast-compute`: `config` lists the settings, `doctor` tries them."""

from __future__ import annotations

import argparse
import os
import sys
import warnings

from ._cli.doctor import diagnose, settings_problem, show_settings
from .errors import ConfigurationError

PROGRAM = "toast-compute"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 when something is wrong, 2 for unknown arguments.

    Warnings are printed as lines on standard error.
    """
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            status = _COMMANDS[options.command](options.profile, options.base_url)
            sys.stdout.flush()
        except ConfigurationError as error:
            _print_error(str(error))
            status = 1
        except BrokenPipeError:
            # The rest is still in the buffer: Python would write it again when it ends, and report that failure.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except KeyboardInterrupt:
            status = 130
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        _print_error(f"warning: {message}")
    return status


def _config(profile: str | None, base_url: str | None) -> int:
    for line in show_settings(profile, base_url):
        print(line)
    problem = settings_problem(profile, base_url)
    if problem is not None:
        _print_error(problem)
        return 1
    return 0


def _doctor(profile: str | None, base_url: str | None) -> int:
    passed = True
    from .resources._client import ToastCompute  # loads the whole client, which `--help` and `config` do not need

    def connect() -> ToastCompute:
        # Without retries, so that a fault that comes and goes shows.
        return ToastCompute(profile=profile, base_url=base_url, max_retries=0)

    for check in diagnose(profile, base_url, connect):
        print(check, flush=True)
        passed = passed and check.ok is not False
    return 0 if passed else 1


_COMMANDS = {"config": _config, "doctor": _doctor}


def _print_error(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--profile", metavar="NAME", help="the profile of the configuration file to use")
    common.add_argument("--base-url", metavar="URL", help="where the service is")
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Show the settings for TOAST Compute and try them.",
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
