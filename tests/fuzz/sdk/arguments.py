"""What can be passed to each method? Arguments by name, all of which the contract allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ID = "125a0000-0000-4000-8000-000000000001"
OTHER_ID = "125a0000-0000-4000-8000-000000000002"
NAME = "demo-key"
ASKED_TOKEN = "planted-Asked-Token-5d1c"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEtd4D7Z9Yrs9pE7+c3aoulWW/MefmWo2cLoMZH60ULx"
_VOLUME = "b10c0000-0000-4000-8000-000000000001"
FLAVOR = "f1a00000-0000-4000-8000-000000000001"
_NETWORK = "4e700000-0000-4000-8000-000000000001"
_SUBNET = "5b4e0000-0000-4000-8000-000000000001"
_ADDRESS = "203.0.113.10"

ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "instances.create": {
        "name": "web-02",
        "image": "1a9e0000-0000-4000-8000-000000000001",
        "flavor": FLAVOR,
        "availability_zone": "kr-pub-a",
        "key_name": NAME,
        "networks": [{"id": _NETWORK, "subnet_id": _SUBNET}],
        "security_groups": [{"name": "default"}],
        "volume": {"size": 730, "type": "General SSD"},
        "count": 3,
    },
    "instances.delete": {"id": ID},
    "instances.attach_volume": {"id": ID, "volume_id": _VOLUME},
    "instances.detach_volume": {"id": ID, "volume_id": _VOLUME},
    "instances.start": {"id": ID},
    "instances.stop": {"id": ID},
    "instances.reboot": {"id": ID, "type": "HARD"},
    "instances.resize": {"id": ID, "flavor": FLAVOR},
    "instances.upload_image": {"id": ID, "name": "my-image"},
    "instances.add_floating_ip": {"id": ID, "address": _ADDRESS, "ip_address": "192.168.0.10"},
    "instances.remove_floating_ip": {"id": ID, "address": _ADDRESS},
    "instances.add_security_group": {"id": ID, "name": "web"},
    "instances.remove_security_group": {"id": ID, "name": "web"},
    "instances.run_action": {"id": ID, "action": {"action": "resize", "parameters": {"flavor": FLAVOR}}},
    "instances.get": {"id": ID},
    "instances.get_details": {"id": ID},
    "keypairs.get": {"name": NAME},
    "keypairs.create": {"name": "new-key"},
    "keypairs.upload": {"name": "new-key", "public_key": PUBLIC_KEY},
    "keypairs.delete": {"name": NAME},
    "tokens.get": {"token_id": ASKED_TOKEN},
}
"""By method, for each that sends what it is given. The values of one call differ, so that each can be found again."""
