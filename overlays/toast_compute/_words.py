"""How is what others wrote shown in a message of ours?"""

from __future__ import annotations

import re

# Longer ones are cut.
_SHOWN_CHARACTERS = 300
# White space is joined before the cut; of more than this nothing would be shown anyway.
_READ_CHARACTERS = 4096


def one_line(text: str) -> str:
    """Return a text on one line, without terminal control sequences and not too long, whatever stands in it."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text[:_READ_CHARACTERS])
    line = " ".join(plain.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "..."
