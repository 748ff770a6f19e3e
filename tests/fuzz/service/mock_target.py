"""How is the mock used as a target? In this process, as an ASGI application, on a clock that the run moves."""

from __future__ import annotations

import httpx
from toast_compute_mock import FrozenClock, MockCloud, faults
from toast_compute_mock.state import Account, Quotas, Volume
from toast_compute_mock.worlds import default_seed_world

from .exchange import Reply, Request
from .target import AsgiApp, Credentials, Impostors, Message, Receive, Send, Subnet, TargetError, send_with

_SECONDS_A_REQUEST = 0.5
_VOLUME_SIZE = 10
_SUBNET_BITS = 25  # three addresses for each instance, and few more: one that is not given back is missed soon
_MIGRATION_SECONDS = 60.0
_CRASHED = b"the service raised an exception"
STRANGER = ("stranger-appkey", "stranger@example.com", "stranger-password")


class MockTarget:
    """A fresh mock in this process. Its clock stands still but for what the run lets pass: so a seed is a whole run."""

    is_exact = True
    base_url = "http://testserver/compute"
    quota: int | None = 40

    def __init__(self, seed: int) -> None:
        world = default_seed_world()
        account = world.accounts[0]
        self._world_id = account.user_id
        self._failing_change = faults.end_in_error("runInstanceAction")
        self.windows_image = next(one.id for one in world.images if one.os == "windows")
        subnet = world.subnets[0]
        subnet.cidr = f"{subnet.cidr.partition('/')[0]}/{_SUBNET_BITS}"
        self.addresses_in_subnet = 2 ** (32 - _SUBNET_BITS)
        self.subnets = tuple(Subnet(one.id, one.network_id, one.cidr) for one in world.subnets)
        self.credentials = Credentials(account.appkey, account.username, account.password)
        appkey, username, password = STRANGER
        world.accounts.append(
            Account(appkey=appkey, username=username, password=password, user_id="stranger", roles=["member"])
        )
        world.quotas = Quotas(instances=self.quota)
        zone = world.instances[0].zone
        world.volumes.append(
            Volume(id="volume-of-the-fuzzer", name="more", size=_VOLUME_SIZE, type="General HDD", zone=zone)
        )
        taken = {volume for instance in world.instances for volume in instance.attachments}
        self.volumes = tuple(one.id for one in world.volumes if one.zone == zone and one.id not in taken)
        given = {one.floating_ip_address for instance in world.instances for one in instance.interfaces}
        self.addresses = tuple(one.address for one in world.floating_ips if one.address not in given)
        self._clock = FrozenClock()
        self._cloud = MockCloud(seed=seed, clock=self._clock, world=world)
        self.base_url = f"http://testserver{self._cloud.prefix}"
        self.app: AsgiApp | None = crash_proof(self._cloud.asgi)
        self._client = httpx.Client(transport=self._cloud.transport)
        self._expired: str | None = None

    def now(self) -> float:
        """Return the seconds on the mock's clock."""
        return self._clock.now()

    def tick(self) -> None:
        """Move the mock's clock on by half a second."""
        self._clock.advance(_SECONDS_A_REQUEST)

    def rest(self, seconds: float) -> None:
        """Move the mock's clock on."""
        self._clock.advance(seconds)

    def send(self, request: Request) -> Reply:
        """Hand a request to the mock; an exception is what a server would make of it."""
        try:
            return send_with(self._client, self.base_url, request)
        except httpx.HTTPError as error:
            raise TargetError(f"the mock gave no reply: {type(error).__name__}") from None
        except Exception:
            return Reply(500, "text/plain", _CRASHED)

    def migrate(self, instance_id: str, /) -> float:
        """Let the mock migrate an instance."""
        self._cloud.worlds.migrate(self._world_id, instance_id, _MIGRATION_SECONDS)
        return _MIGRATION_SECONDS

    def fail_next_change(self) -> bool:
        """Let the mock do so."""
        self._cloud.faults.add(self._failing_change)
        return True

    def stranger(self) -> Credentials | None:
        """Return the second user of the mock's world."""
        return Credentials(*STRANGER)

    def impostors(self) -> Impostors:
        """Return no token: they are made by the run, which has the time to let one expire."""
        return Impostors(None, None)

    def close(self) -> None:
        """Close the client."""
        self._client.close()


def crash_proof(app: AsgiApp) -> AsgiApp:
    """Return an application that answers 500 where the one inside raises an exception, as every server does."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await app(scope, receive, watch)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_CRASHED))]
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else _CRASHED})

    return serve
