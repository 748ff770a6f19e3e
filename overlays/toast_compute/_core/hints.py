"""What may help whoever reads an error, where there is something to say that the message does not say already?"""

from __future__ import annotations

from http import HTTPStatus

from toast_compute_api.behaviour import RESULT_CODES

from .. import errors

_DOCTOR = "`toast-compute doctor` checks the settings and says where each one comes from."
_REDIRECTS = range(300, 400)


def hint(error: errors.ToastComputeError) -> str | None:
    """Return a sentence or two, or None."""
    match error:
        case errors.AuthenticationError(operation="issueToken"):
            return f"The username or the password is wrong, or not of this appkey. {_DOCTOR}"
        case errors.AuthenticationError():
            return f"The service does not accept the token that it has issued. {_DOCTOR}"
        case errors.PermissionDeniedError():
            known = RESULT_CODES.get(error.result_code)
            meaning = "The user may not do this." if known is None else known.meaning
            return f"{meaning} {_DOCTOR}"
        case errors.APIError():
            known = RESULT_CODES.get(error.result_code)
            # What stands behind the colon of the message decides; without it, only the meaning of the code is left.
            return known.meaning if known is not None and known.retry == "read-detail" else None
        case errors.MalformedResponseError(path=None, status=int(status)) if _is_elsewhere(status):
            return f"Is the base_url that of the service? {_DOCTOR}"
        case _:
            return None


def _is_elsewhere(status: int) -> bool:
    return status == HTTPStatus.NOT_FOUND or status in _REDIRECTS
