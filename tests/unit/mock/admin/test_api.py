"""Check that the admin API steers the mock, names what is wrong, and keeps to its own document."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from openapi_spec_validator import validate
from toast_compute_mock import FrozenClock, MockCloud, RealClock, ScaledClock
from toast_compute_mock.clock.clocks import AutoJumpClock, SettableClock, parse_clock
from toast_compute_mock.contract.schemas import Schemas
from toast_compute_mock.exchange import Deferred, Reply, Request

from ..conftest import SEED_TOKEN, WEB, new_instance

WORLD = "05e40000-0000-4000-8000-000000000001"
PASSWORD = "demo-password"
API = "/compute/v1.0/appkeys/demo-appkey"
LOCAL = {"host": "127.0.0.1:80"}
LABEL = "PRIVATE KEY"


class Answer(NamedTuple):
    """A reply of the admin API."""

    status: int
    headers: dict[str, str]
    content: Any

    @property
    def message(self) -> str:
        return str(self.content["message"])


class Mock:
    """A cloud, and the two ways to talk to it: as its service and as its admin API."""

    def __init__(self, cloud: MockCloud) -> None:
        self.cloud = cloud

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request to the admin API as a local client would."""
        content = b""
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers = {"content-type": "application/json", **headers}
        return self.sent(Request(method, f"/_mock{path}", LOCAL | headers, content, peer="127.0.0.1"))

    def sent(self, request: Request) -> Answer:
        reply = self.cloud.handle(request)
        is_json = dict(reply.headers).get("content-type") == "application/json"
        return Answer(reply.status, dict(reply.headers), json.loads(reply.body) if is_json else reply.body.decode())

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request to the service and return the decoded reply."""
        content = b"" if body is None else json.dumps(body).encode()
        reply = self.cloud.handle(Request(method, API + path, {"x-auth-token": SEED_TOKEN}, content))
        return json.loads(reply.body)

    def code(self, method: str, path: str, body: Any = None) -> int:
        return int(self.call(method, path, body)["header"]["resultCode"])


@pytest.fixture
def mock() -> Mock:
    return Mock(MockCloud(clock=FrozenClock()))


def fork(mock: Mock, username: str = "other@example.com", **more: str) -> Answer:
    wanted = {"appkey": "other-appkey", "username": username, "password": "other-password", **more}
    return mock.send("POST", "/worlds", wanted)


# The document

EXAMPLES: dict[str, Callable[[Mock], Answer]] = {
    "getPage": lambda mock: mock.send("GET", "/"),
    "getHealth": lambda mock: mock.send("GET", "/health"),
    "getDocument": lambda mock: mock.send("GET", "/openapi.json"),
    "listOperations": lambda mock: mock.send("GET", "/operations"),
    "listBehaviours": lambda mock: mock.send("GET", "/behaviours"),
    "resetAll": lambda mock: mock.send("POST", "/reset"),
    "getSnapshot": lambda mock: mock.send("GET", "/snapshot"),
    "putSnapshot": lambda mock: mock.send("PUT", "/snapshot", mock.cloud.snapshot()),
    "getEvolution": lambda mock: mock.send("GET", "/evolution"),
    "setEvolution": lambda mock: mock.send("PUT", "/evolution", {"habits": ["nulls"]}),
    "getClock": lambda mock: mock.send("GET", "/clock"),
    "advanceClock": lambda mock: mock.send("POST", "/clock/advance", {"seconds": 1.5}),
    "setClock": lambda mock: mock.send("POST", "/clock/set", {"to": "2026-02-01T00:00:00Z"}),
    "sleepOnClock": lambda mock: mock.send("POST", "/clock/sleep", {"seconds": 5, "timeout": 0}),
    "listWorlds": lambda mock: mock.send("GET", "/worlds"),
    "createWorld": lambda mock: fork(mock, **{"from": WORLD}),
    "getWorld": lambda mock: mock.send("GET", f"/worlds/{WORLD}"),
    "setQuotas": lambda mock: mock.send("PUT", f"/worlds/{WORLD}/quotas", {"instances": 3}),
    "resetWorld": lambda mock: mock.send("POST", f"/worlds/{WORLD}/reset"),
    "getTimeline": lambda mock: mock.send("GET", f"/worlds/{WORLD}/timeline"),
    "diffWorlds": lambda mock: mock.send(
        "GET", f"/worlds/{WORLD}/diff/{fork(mock, 'third@example.com').content['id']}"
    ),
    "revokeTokens": lambda mock: mock.send("POST", "/tokens/revoke", {"world": WORLD}),
    "listFaults": lambda mock: mock.send("GET", "/faults"),
    "addFaults": lambda mock: mock.send("POST", "/faults", {"preset": "flaky-network"}),
    "removeFaults": lambda mock: mock.send("DELETE", "/faults"),
    "listUnusedFaults": lambda mock: mock.send("GET", "/faults/unused"),
    "removeFault": lambda mock: mock.send("DELETE", "/faults/one%2F%ED%95%98%EB%82%98"),
    "listFaultPresets": lambda mock: mock.send("GET", "/fault-presets"),
    "findEntries": lambda mock: mock.send("GET", "/journal"),
    "clearJournal": lambda mock: mock.send("DELETE", "/journal"),
    "countEntries": lambda mock: mock.send("GET", "/journal/count"),
}


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return where each operation of a document stands."""
    return {
        operation["operationId"]: (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_document_is_valid_and_has_no_operation_that_the_next_test_leaves_out(mock: Mock) -> None:
    document = mock.send("GET", "/openapi.json").content
    validate(document)
    assert operations(document).keys() == EXAMPLES.keys()


@pytest.mark.parametrize("operation", EXAMPLES)
def test_each_operation_answers_as_documented(mock: Mock, operation: str) -> None:
    mock.call("POST", "/instances", new_instance())
    mock.send("POST", "/faults", {"name": "one/하나", "effect": {"kind": "reset"}})
    document = mock.send("GET", "/openapi.json").content
    path, method = operations(document)[operation]
    answer = EXAMPLES[operation](mock)
    described = document["paths"][path][method]["responses"]
    assert str(answer.status) in described, answer.content
    (content,) = described[str(answer.status)]["content"].items()
    assert answer.headers["content-type"].partition(";")[0] == content[0]
    if content[0] == "application/json":
        steps = ("paths", path, method, "responses", str(answer.status), "content", content[0], "schema")
        assert Schemas(document).at(*steps).problem(answer.content, "body") is None


def test_only_the_snapshot_holds_passwords_tokens_and_appkeys(mock: Mock) -> None:
    mock.call("POST", "/tokens", {"auth": {"username": "demo@example.com", "password": PASSWORD}})
    mock.call("GET", f"/tokens/{SEED_TOKEN}")
    tokens = mock.cloud.worlds.get(WORLD).tokens
    assert len(tokens) > 1
    for operation, example in EXAMPLES.items():
        text = json.dumps(example(mock).content)
        if operation != "getSnapshot":
            for secret in (PASSWORD, "other-password", "demo-appkey", "other-appkey", *tokens):
                assert secret not in text, operation


# Saying what is wrong


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/nothing", None, 404, "the admin API has no such path; /_mock/openapi.json lists them"),
        ("PUT", "/faults", None, 405, "the method must be GET or POST or DELETE"),
        ("POST", "/clock/advance", b"{", 400, "body: is not valid JSON in UTF-8"),
        ("POST", "/clock/advance", b"[" * 20_000, 400, "body: is not valid JSON in UTF-8"),
        ("POST", "/clock/advance", b'{"seconds": NaN}', 400, "body: is not valid JSON in UTF-8"),
        ("POST", "/clock/advance", [], 400, "body: must be an object"),
        ("POST", "/clock/advance", {}, 400, "seconds: is missing"),
        ("POST", "/clock/advance", {"seconds": "1"}, 400, "seconds: must be a number"),
        ("POST", "/clock/advance", {"seconds": -1}, 400, "seconds: must be at least 0"),
        ("POST", "/clock/advance", {"seconds": 10**300}, 400, "seconds: must be at most 1000000000"),
        ("POST", "/clock/advance", {"seconds": 1, "x": 1}, 400, "x: is not a known member"),
        ("POST", "/clock/set", {"to": "tomorrow"}, 400, "to: must be of the format date-time"),
        ("POST", "/clock/set", {"to": "2016-12-31T23:59:60Z"}, 400, "to: is not a moment that this clock knows"),
        ("POST", "/clock/set", {"to": "9999-01-01T00:00:00Z"}, 400, "to: "),
        ("POST", "/clock/set", {"to": "2001-01-01T00:00:00Z"}, 400, "to: a clock cannot go back"),
        ("POST", "/clock/sleep", {"seconds": 1, "timeout": 301}, 400, "timeout: must be at most 300"),
        ("GET", "/worlds/none", None, 404, "world: "),
        ("GET", f"/worlds/{WORLD}/timeline?limit=1001", None, 400, "limit: must be at most 1000"),
        ("POST", "/worlds", {"appkey": "a", "username": "b"}, 400, "password: is missing"),
        (
            "POST",
            "/worlds",
            {"appkey": "a/b", "username": "b", "password": "c"},
            400,
            "appkey: has characters that are not allowed",
        ),
        (
            "POST",
            "/worlds",
            {"appkey": "a", "username": "b", "password": "c", "from": "none"},
            400,
            "from: there is no such world",
        ),
        (
            "POST",
            "/worlds",
            {"appkey": "demo-appkey", "username": "demo@example.com", "password": "c"},
            409,
            "username: ",
        ),
        ("PUT", "/snapshot", {"version": 1}, 400, "format: is missing"),
        ("PUT", "/evolution", {"habits": [1]}, 400, "habits[0]: must be a string"),
        ("POST", "/faults", {"effect": {"kind": "nonsense"}}, 400, "faults.effect.kind: "),
        ("POST", "/faults", [{"preset": "nonsense"}], 400, "faults[0]"),
        ("DELETE", "/faults/none", None, 404, "name: "),
        ("GET", "/journal?limit=0", None, 400, "limit: must be at least 1"),
        ("GET", "/journal?limit=many", None, 400, "limit: must be an integer"),
        ("GET", "/journal?limit=1&limit=2", None, 400, "limit: is given more than once"),
        ("GET", "/journal?wait=31", None, 400, "wait: must be at most 30"),
        ("GET", "/journal?newest=1", None, 400, "newest: must be a boolean"),
        (
            "GET",
            "/journal/count?opration=x",
            None,
            400,
            "query: there is a parameter that is not known; known are operation, action, world, resultCode",
        ),
        ("GET", "/health?x", None, 400, "query: there is a parameter that is not known; this operation has none"),
    ],
)
def test_refusal_is_one_sentence_that_names_the_place(
    mock: Mock, method: str, path: str, body: Any, status: int, message: str
) -> None:
    answer = mock.send(method, path, body)
    assert (answer.status, list(answer.content)) == (status, ["message"])
    assert answer.message.startswith(message)
    assert "\n" not in answer.message


def test_wrong_method_gets_the_allowed_ones(mock: Mock) -> None:
    assert mock.send("PUT", "/faults").headers["allow"] == "GET, POST, DELETE"
    assert mock.send("GET", "/faults/none").headers["allow"] == "DELETE"


def test_fault_that_cannot_be_is_refused_with_its_place(mock: Mock) -> None:
    fault = {"effect": {"kind": "reset"}, "match": {"operation": "createServer"}}
    assert mock.send("POST", "/faults", [fault]).message.startswith("faults[0].match.operation: ")
    assert mock.send("GET", "/faults").content == {"faults": []}


def test_unknown_evolution_option_is_refused(mock: Mock) -> None:
    answer = mock.send("PUT", "/evolution", {"habits": ["nulls", "nonsense"]})
    assert (answer.status, answer.message[:6]) == (400, "habits")
    assert mock.cloud.evolution == ()


def test_path_that_only_begins_like_the_prefix_is_outside_the_admin_api(mock: Mock) -> None:
    reply = mock.cloud.handle(Request("GET", "/_mockery/health", LOCAL, peer="127.0.0.1"))
    assert json.loads(reply.body)["header"]["resultCode"] == -7


def test_head_is_get(mock: Mock) -> None:
    assert mock.send("HEAD", "/health").status == 200


def test_prefix_without_its_slash_leads_to_the_page(mock: Mock) -> None:
    answer = mock.send("GET", "")
    assert (answer.status, answer.headers["location"]) == (308, "/_mock/")


# The clock


def test_clock_is_advanced_and_set_but_not_back(mock: Mock) -> None:
    assert mock.send("GET", "/clock").content == {
        "kind": "frozen",
        "now": "2026-01-15T09:00:00Z",
        "seconds": 1768467600.0,
        "settable": True,
    }
    assert mock.send("POST", "/clock/advance", {"seconds": 90}).content["now"] == "2026-01-15T09:01:30Z"
    moved = mock.send("POST", "/clock/set", {"to": "2026-01-15T19:00:00+09:00"})
    assert moved.content["now"] == "2026-01-15T10:00:00Z"
    assert mock.send("POST", "/clock/set", {"to": "2026-01-15T09:59:59Z"}).status == 400
    assert mock.send("GET", "/clock").content["now"] == "2026-01-15T10:00:00Z"


def test_clock_does_not_leave_the_years_that_a_date_can_hold(mock: Mock) -> None:
    mock.send("POST", "/clock/set", {"to": "8999-12-31T00:00:00Z"})
    answer = mock.send("POST", "/clock/advance", {"seconds": 1e9})
    assert (answer.status, answer.message[:9]) == (400, "seconds: ")


def test_real_clock_cannot_be_moved() -> None:
    mock = Mock(MockCloud(clock=RealClock()))
    shown = mock.send("GET", "/clock").content
    assert (shown["kind"], shown["settable"]) == ("real", False)
    for answer in (
        mock.send("POST", "/clock/advance", {"seconds": 1}),
        mock.send("POST", "/clock/set", {"to": "2126-01-15T09:00:00Z"}),
    ):
        assert (answer.status, answer.message[:29]) == (409, "a real clock cannot be moved;")


@pytest.mark.parametrize("clock", [ScaledClock(60), AutoJumpClock(), FrozenClock()])
def test_other_clocks_are_called_as_on_the_command_line_and_can_be_moved(clock: SettableClock) -> None:
    mock = Mock(MockCloud(clock=clock))
    shown = mock.send("GET", "/clock").content
    assert type(parse_clock("scaled:60" if shown["kind"] == "scaled" else shown["kind"])) is type(clock)
    assert shown["settable"] is True
    assert mock.send("POST", "/clock/advance", {"seconds": 90}).content["seconds"] >= shown["seconds"] + 90


def admin_post(mock: Mock, path: str, body: Any) -> Reply | Deferred:
    headers = {**LOCAL, "content-type": "application/json"}
    return mock.cloud.answer(Request("POST", f"/_mock{path}", headers, json.dumps(body).encode(), "127.0.0.1"))


def test_sleep_ends_when_the_clock_has_moved_so_far(mock: Mock) -> None:
    asleep = admin_post(mock, "/clock/sleep", {"seconds": 10})
    assert isinstance(asleep, Deferred)
    mock.send("POST", "/clock/advance", {"seconds": 9})
    assert asleep.poll() is None
    mock.send("POST", "/clock/advance", {"seconds": 1})
    reply = asleep.poll()
    assert reply is not None
    assert json.loads(reply.body) == {"over": True, "now": "2026-01-15T09:00:10Z", "seconds": 1768467610.0}


def test_sleep_that_lasts_too_long_reports_that_it_is_not_over(mock: Mock) -> None:
    answer = mock.send("POST", "/clock/sleep", {"seconds": 10, "timeout": 0.03})
    assert answer.content == {"over": False, "now": "2026-01-15T09:00:00Z", "seconds": 1768467600.0}


def test_sleep_of_zero_is_over_at_once(mock: Mock) -> None:
    assert isinstance(admin_post(mock, "/clock/sleep", {"seconds": 0}), Reply)


def test_sleeper_makes_an_auto_jump_clock_jump() -> None:
    mock = Mock(MockCloud(clock=AutoJumpClock()))
    before = mock.cloud.clock.now()
    began = time.monotonic()
    assert mock.send("POST", "/clock/sleep", {"seconds": 1200}).content["over"] is True
    assert mock.cloud.clock.now() >= before + 1200
    assert time.monotonic() - began < 5


# Worlds


def test_world_is_shown_as_it_is_now(mock: Mock) -> None:
    mock.call("POST", f"/instances/{WEB}/action", {"action": "stop"})
    world = mock.send("GET", f"/worlds/{WORLD}").content
    assert [one["status"] for one in world["instances"]] == ["POWERING_OFF", "STOP"]
    assert (world["username"], world["tokens"]) == ("demo@example.com", 1)
    mock.send("POST", "/clock/advance", {"seconds": 60})
    assert mock.send("GET", f"/worlds/{WORLD}").content["instances"][0]["status"] == "STOP"
    mock.send("POST", "/clock/advance", {"seconds": 3600})
    assert mock.send("GET", f"/worlds/{WORLD}").content["tokens"] == 0


def test_timeline_shows_the_transition_of_an_instance(mock: Mock) -> None:
    mock.call("POST", f"/instances/{WEB}/action", {"action": "stop"})
    timeline = mock.send("GET", f"/worlds/{WORLD}/timeline").content
    web, batch = timeline["instances"]
    assert (web["id"], web["status"], web["rest"]) == (WEB, "POWERING_OFF", "ACTIVE")
    assert (web["transition"]["through"], web["transition"]["to"]) == (["POWERING_OFF"], "STOP")
    assert web["transition"]["started"] == timeline["now"] < web["transition"]["due"]
    assert web["addresses"] == ["192.168.0.10", "203.0.113.12"]
    assert batch["transition"] is None


def test_timeline_can_be_cut_to_the_newest(mock: Mock) -> None:
    made = mock.call("POST", "/instances", new_instance())["instance"]["id"]
    timeline = mock.send("GET", f"/worlds/{WORLD}/timeline?limit=1").content
    assert timeline["total"] == 3
    assert [one["id"] for one in timeline["instances"]] == [made]


def test_world_is_forked_and_then_differs(mock: Mock) -> None:
    copy = fork(mock, **{"from": WORLD})
    assert (copy.status, copy.content["username"], copy.content["instances"]) == (201, "other@example.com", 2)
    other = copy.content["id"]
    assert {one["id"] for one in mock.send("GET", "/worlds").content["worlds"]} == {WORLD, other}
    mock.call("POST", f"/instances/{WEB}/action", {"action": "stop"})
    changes = mock.send("GET", f"/worlds/{other}/diff/{WORLD}").content["changes"]
    status = next(change for change in changes if change["member"] == "status")
    assert status == {
        "kind": "changed",
        "resource": "instances",
        "id": WEB,
        "member": "status",
        "before": "ACTIVE",
        "after": "POWERING_OFF",
    }


def test_new_world_answers_its_own_user(mock: Mock) -> None:
    fork(mock)
    login = json.dumps({"auth": {"username": "other@example.com", "password": "other-password"}}).encode()
    reply = mock.cloud.handle(Request("POST", "/compute/v1.0/appkeys/other-appkey/tokens", {}, login))
    assert json.loads(reply.body)["header"]["resultCode"] == 0


def test_reset_of_one_world_leaves_the_others_alone(mock: Mock) -> None:
    other = fork(mock, **{"from": WORLD}).content["id"]
    mock.call("POST", "/instances", new_instance())
    assert mock.send("POST", f"/worlds/{WORLD}/reset").content["instances"] == 2
    assert mock.send("GET", f"/worlds/{other}").status == 200


def test_reset_of_everything_forgets_forks_faults_and_journal(mock: Mock) -> None:
    other = fork(mock).content["id"]
    mock.call("POST", "/instances", new_instance())
    mock.send("POST", "/faults", {"preset": "throttled"})
    (left,) = mock.send("POST", "/reset").content["worlds"]
    assert (left["id"], left["instances"]) == (WORLD, 2)
    assert mock.send("GET", f"/worlds/{other}").status == 404
    assert mock.send("GET", "/faults").content == {"faults": []}
    assert mock.send("GET", "/journal/count").content == {"count": 0}


def test_revoked_tokens_open_nothing(mock: Mock) -> None:
    assert mock.code("GET", "/instances") == 0
    assert mock.send("POST", "/tokens/revoke", {"world": WORLD}).content == {"revoked": 1}
    assert mock.code("GET", "/instances") == -3
    assert mock.send("POST", "/tokens/revoke", {}).content == {"revoked": 0}
    assert mock.send("POST", "/tokens/revoke", {"world": "none"}).status == 404


def test_snapshot_goes_back_where_it_came_from(mock: Mock) -> None:
    taken = mock.send("GET", "/snapshot").content
    mock.call("POST", "/instances", new_instance())
    assert mock.send("PUT", "/snapshot", taken).content["worlds"][0]["instances"] == 2
    taken["version"] += 1
    assert mock.send("PUT", "/snapshot", taken).status == 400


def test_after_a_restore_worlds_are_reset_to_what_the_snapshot_held_and_all_to_the_seed_world(mock: Mock) -> None:
    mock.call("POST", "/instances", new_instance())
    taken = mock.send("GET", "/snapshot").content
    mock.send("PUT", "/snapshot", {**taken, "seed": 7})
    mock.call("POST", "/instances", new_instance())
    assert mock.send("POST", f"/worlds/{WORLD}/reset").content["instances"] == 3
    assert mock.send("GET", "/snapshot").content["seed"] == 7
    assert mock.send("POST", "/reset").content["worlds"][0]["instances"] == 2
    assert mock.send("GET", "/snapshot").content["seed"] == 0


# Faults and evolution


def test_fault_fires_and_is_spent(mock: Mock) -> None:
    fault = {"name": "no", "match": {"operation": "listFlavors"}, "effect": {"kind": "result-code", "code": -2}}
    (added,) = mock.send("POST", "/faults", fault).content["faults"]
    assert added["fault"] == fault
    assert (added["matched"], added["used"], added["remaining"]) == (0, 0, 1)
    assert added["says"].startswith("listFlavors: ")
    assert mock.send("GET", "/faults/unused").content == {"names": ["no"]}
    assert [mock.code("GET", "/flavors") for _ in range(2)] == [-2, 0]
    (spent,) = mock.send("GET", "/faults").content["faults"]
    assert (spent["used"], spent["remaining"]) == (1, 0)
    assert mock.send("GET", "/faults/unused").content == {"names": []}
    assert mock.send("GET", "/journal?fault=no").content["entries"][0]["faults"] == ["no"]
    assert mock.send("DELETE", "/faults/no").content == {"faults": []}


def test_several_faults_and_presets_are_added_at_once(mock: Mock) -> None:
    presets = {one["name"]: one["faults"] for one in mock.send("GET", "/fault-presets").content["presets"]}
    listed = mock.send("POST", "/faults", [{"effect": {"kind": "reset"}}, {"preset": "zone-full"}])
    assert listed.status == 201
    assert len(listed.content["faults"]) == 1 + len(presets["zone-full"])


def test_operations_are_those_that_faults_can_be_aimed_at(mock: Mock) -> None:
    for operation in mock.send("GET", "/operations").content["operations"]:
        for action in [{}, *({"action": name} for name in operation["actions"])]:
            fault = {"match": {"operation": operation["id"], **action}, "effect": {"kind": "reset"}}
            assert mock.send("POST", "/faults", fault).status == 201


def test_replies_evolve_when_an_option_is_set(mock: Mock) -> None:
    known = mock.send("GET", "/evolution").content["known"]
    assert mock.send("PUT", "/evolution", {"habits": known}).content["habits"] == known
    evolved = mock.call("GET", "/flavors")
    mock.send("PUT", "/evolution", {"habits": []})
    assert evolved != mock.call("GET", "/flavors")


def test_behaviours_are_listed_with_their_basis(mock: Mock) -> None:
    behaviours = mock.send("GET", "/behaviours").content["behaviours"]
    assert {"documented", "assumed"} == {one["basis"] for one in behaviours}
    assert {"basis": "documented", "says": "An unknown appkey has no permission.", "resultCode": -3} in behaviours


# The journal


def test_journal_is_found_by_what_it_is_about(mock: Mock) -> None:
    mock.call("GET", "/flavors")
    mock.call("POST", f"/instances/{WEB}/action", {"action": "stop"})
    mock.call("POST", f"/instances/{WEB}/action", {"action": "stop"})
    found = mock.send("GET", f"/journal?action=stop&resultCode=0&world={WORLD}&operation=runInstanceAction").content
    (entry,) = found["entries"]
    assert found["last"] == 3
    assert (entry["seq"], entry["applied"], entry["status"]) == (2, 1, 200)
    assert json.loads(entry["request"]) == {"action": "stop"}
    assert mock.send("GET", "/journal/count?action=stop").content == {"count": 2}
    assert [one["seq"] for one in mock.send("GET", "/journal?limit=2").content["entries"]] == [1, 2]
    assert [one["seq"] for one in mock.send("GET", "/journal?limit=2&newest=true").content["entries"]] == [2, 3]
    assert mock.send("GET", "/journal?after=3").content == {"entries": [], "last": 3}
    assert mock.send("DELETE", "/journal").content == {"count": 0}
    assert mock.send("GET", "/journal").content == {"entries": [], "last": 3}


def test_waiting_find_returns_the_next_fitting_call(mock: Mock) -> None:
    path = "/_mock/journal?operation=listFlavors&wait=30"
    waiting = mock.cloud.answer(Request("GET", path, LOCAL, peer="127.0.0.1"))
    assert isinstance(waiting, Deferred)
    mock.call("GET", "/instances")
    assert waiting.poll() is None
    mock.call("GET", "/flavors")
    reply = waiting.poll()
    assert reply is not None
    assert [one["operation"] for one in json.loads(reply.body)["entries"]] == ["listFlavors"]


def test_wait_for_the_journal_ends_with_nothing(mock: Mock) -> None:
    assert mock.send("GET", "/journal?wait=0.03").content == {"entries": [], "last": 0}


def test_admin_requests_are_not_in_the_journal(mock: Mock) -> None:
    mock.send("GET", "/health")
    assert mock.cloud.journal.last == 0


def test_quota_is_kept_until_it_is_lifted(mock: Mock) -> None:
    assert mock.send("PUT", f"/worlds/{WORLD}/quotas", {"keypairs": 1}).content == {"instances": None, "keypairs": 1}
    assert mock.code("POST", "/keypairs", {"keypair": {"name": "second"}}) == 13403
    mock.send("PUT", f"/worlds/{WORLD}/quotas", {})
    assert mock.code("POST", "/keypairs", {"keypair": {"name": "second"}}) == 0


@pytest.mark.parametrize(
    ("quotas", "words"),
    [({"instances": -1}, "instances: must be at least 0"), ({"instance": 1}, "instance: is not a known member")],
)
def test_quota_that_makes_no_sense_is_refused(mock: Mock, quotas: dict[str, int], words: str) -> None:
    answer = mock.send("PUT", f"/worlds/{WORLD}/quotas", quotas)
    assert (answer.status, answer.content["message"]) == (400, words)


@pytest.mark.parametrize("path", ["/journal", "/journal/count"])
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("operation=createInstence", "operation: there is no 'createInstence'; did you mean createInstance?"),
        ("action=rebot", "action: there is no 'rebot'; did you mean reboot?"),
        ("operation=createInstance&action=reboot", "action: createInstance has no actions"),
    ],
)
def test_filter_that_nothing_can_fit_is_refused(mock: Mock, path: str, query: str, says: str) -> None:
    refused = mock.send("GET", f"{path}?{query}")
    assert (refused.status, refused.message) == (400, says)


def test_wait_for_what_cannot_come_is_refused_at_once(mock: Mock) -> None:
    request = Request("GET", "/_mock/journal?operation=createInstence&wait=30", LOCAL, b"", peer="127.0.0.1")
    answered = mock.cloud.answer(request)
    assert isinstance(answered, Reply)
    assert answered.status == 400


@pytest.mark.parametrize("query", ["after=-1", "limit=-1"])
def test_negative_number_in_a_filter_is_refused(mock: Mock, query: str) -> None:
    assert mock.send("GET", f"/journal?{query}").status == 400


def test_journal_shows_no_secret(mock: Mock) -> None:
    mock.call("GET", "/instances?id=demo%2Dpassword")
    mock.call("POST", "/keypairs", {"keypair": {"name": "demo-appkey", "publicKey": f"-----BEGIN {LABEL}-----\nAAAA"}})
    mock.call("POST", "/instances", {"instance": {"adminPass": "hunter2hunter2"}})
    shown = json.dumps(mock.send("GET", "/journal").content)
    for secret in ("demo%2Dpassword", "demo-appkey", "AAAA", "hunter2hunter2", SEED_TOKEN):
        assert secret not in shown
