"""What runs the server elsewhere: the files under deploy/ are whole, strict, and agree with the program and each other.

Linters that others wrote read them first. No engine runs here: test_proxy.py and test_sandbox.py run what can be run
without one.
"""

import ast
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from inkdigit.config import MAX_BODY_BYTES, MAX_PAGE_BODY_BYTES, SECRETS, VARIABLES, Settings, package_version

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
KUBERNETES: Final = ("1.33", "1.37")  # the oldest that is tried, and the newest
USER: Final = 10001
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the linters are installed on Linux alone")
with_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze (250 or newer) is not installed"
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="the script is for bash")


def manifest(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text("utf-8"))


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def environment_of(container: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"]}


def drain_of(environment: dict[str, str]) -> float:
    """Seconds from SIGTERM on after which the server ends at the latest."""
    settings = Settings.from_env({name: value for name, value in environment.items() if "DRAIN" in name})
    return settings.drain_notice_s + settings.drain_timeout_s


# --- the container


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with its words on one line."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def words_of(instruction: str) -> list[str]:
    return [words for name, words in instructions() if name == instruction]


@on_linux
def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    found = subprocess.run(
        ["hadolint", "--no-color", "--failure-threshold", "style", DEPLOY / "Dockerfile"],
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout) == (0, "")


def test_the_container_does_not_run_as_root() -> None:
    assert words_of("USER") == [f"{USER}:{USER}"]


def test_everything_that_the_container_installs_is_locked_by_hash() -> None:
    installs = [
        words for run in words_of("RUN") for words in run.split("&&") if " install " in words and "pip" in words
    ]

    assert len(installs) == 3
    assert [words for words in installs if "--require-hashes" not in words and "--no-deps" not in words] == []


def test_the_container_serves_what_its_locks_hold() -> None:
    copied = {name for words in words_of("COPY") for name in re.findall(r"constraints/(\w+)\.txt", words)}

    assert copied == {"build", "container"}
    assert all((ROOT / "constraints" / f"{name}.txt").is_file() for name in copied)


def test_all_that_is_copied_into_the_image_passes_the_list_of_what_is_sent_to_the_engine() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {word for words in words_of("COPY") if "--from" not in words for word in words.split()[:-1]}

    assert "*" in lines
    assert copied == sent
    assert [name for name in sent if not (ROOT / name).exists()] == []


def test_the_settings_of_the_container_are_settings_of_the_program() -> None:
    pairs = dict(pair.split("=", 1) for words in words_of("ENV") for pair in shlex.split(words))
    ours = {name: value for name, value in pairs.items() if name.startswith("INKDIGIT_")}

    settings = Settings.from_env(ours)
    assert set(ours) <= set(VARIABLES)
    assert (settings.host, [str(settings.port)]) == ("0.0.0.0", words_of("EXPOSE"))
    assert settings.home is not None
    assert words_of("VOLUME") == [settings.home.parent.as_posix()]


def health_check() -> list[str]:
    """The command of the container's health check."""
    return list(ast.literal_eval(words_of("HEALTHCHECK")[0].split("CMD", 1)[1].strip()))


def test_the_health_check_asks_the_port_that_is_served() -> None:
    interpreter, option, program = health_check()

    assert (interpreter, option) == ("python3", "-c")
    assert f"http://127.0.0.1:{words_of('EXPOSE')[0]}/health/ready" in program


# --- compose


@on_linux
def test_the_compose_file_keeps_to_the_specification() -> None:
    import compose_spec

    compose_spec.PyCompose.from_yaml((DEPLOY / "compose.yaml").read_text("utf-8")).validate()


@pytest.mark.parametrize("service", compose()["services"].values(), ids=compose()["services"])
def test_every_service_has_a_read_only_root_no_capabilities_and_bounds(service: Any) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & set(service)
    assert {"mem_limit", "pids_limit", "stop_grace_period", "restart"} <= set(service)


def test_the_database_is_on_a_network_that_leads_nowhere_and_no_port_of_it_is_published() -> None:
    database, networks = compose()["services"]["database"], compose()["networks"]

    assert "ports" not in database
    assert database["networks"] == ["back"]
    assert networks["back"]["internal"] is True


def test_the_server_is_published_on_loopback_alone_and_waits_for_the_database() -> None:
    server = compose()["services"]["server"]

    assert [port.rsplit(":", 2)[0] for port in server["ports"]] == ["127.0.0.1"]
    assert server["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_compose_gives_the_drain_its_time() -> None:
    server = compose()["services"]["server"]

    assert float(server["stop_grace_period"].removesuffix("s")) > drain_of(server["environment"])


def test_no_secret_stands_in_the_environment() -> None:
    services = compose()["services"].values()
    names = {name for service in services for name in service["environment"]} | set(environment_of(container()))

    assert names & set(SECRETS) == set()
    assert [
        name for name in names if re.search(r"PASSWORD|SECRET|KEY|TOKEN", name) and not name.endswith("_FILE")
    ] == []


def test_the_image_is_tagged_with_the_version_everywhere() -> None:
    tag = compose()["services"]["server"]["image"].partition(":")[2]
    new = manifest("kustomization")["images"][0]["newTag"]

    assert {tag, new} == {package_version()}


@posix
def test_secrets_are_made_once_fit_together_and_let_nobody_else_in(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "make-secrets", tmp_path)
    first = subprocess.run([script], capture_output=True, text=True)
    secrets = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    second = subprocess.run([script], capture_output=True, text=True)

    folder = tmp_path / "secrets"
    settings = Settings.from_env({f"{name}_FILE": str(folder / file) for name, file in SECRET_FILES.items()})
    assert first.returncode == 0, first.stderr
    assert set(secrets) == set(compose()["secrets"])
    assert (settings.admin_key, settings.database) == (secrets["admin_key"], secrets["database_url"])
    assert f":{secrets['database_password']}@database/" in secrets["database_url"]
    assert min(map(len, secrets.values())) >= 48
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert second.returncode == 1
    assert {path.name: path.read_text() for path in folder.iterdir()} == secrets


SECRET_FILES: Final = {"INKDIGIT_DATABASE": "database_url", "INKDIGIT_ADMIN_KEY": "admin_key"}


def test_secrets_cannot_be_committed() -> None:
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


# --- Kubernetes


def container() -> Any:
    return manifest("deployment")["spec"]["template"]["spec"]["containers"][0]


@on_linux
@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.stem))
def test_every_manifest_keeps_to_the_schema(path: Path, version: str) -> None:
    import kubernetes_validate

    assert kubernetes_validate.validate(yaml.safe_load(path.read_text("utf-8")), version, strict=True) == version


def test_every_manifest_is_applied() -> None:
    assert {path.name for path in MANIFESTS} == set(manifest("kustomization")["resources"])


def test_the_pod_is_what_a_restricted_namespace_admits() -> None:
    pod, security = manifest("deployment")["spec"]["template"]["spec"], container()["securityContext"]

    assert manifest("namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == USER
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {"emptyDir", "secret"}


def test_kubernetes_waits_for_the_drain_to_end() -> None:
    pod = manifest("deployment")["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] > drain_of(environment_of(container()))


def test_the_notice_outlasts_the_probe_that_takes_the_pod_out_of_service() -> None:
    probe = container()["readinessProbe"]
    notice = Settings.from_env({"INKDIGIT_DRAIN_NOTICE": environment_of(container())["INKDIGIT_DRAIN_NOTICE"]})

    seen_within = probe["failureThreshold"] * (probe["periodSeconds"] + probe["timeoutSeconds"])
    assert notice.drain_notice_s > seen_within


def test_a_pod_is_killed_for_being_dead_and_not_for_being_busy() -> None:
    probes = {
        name: container()[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }

    assert probes == {
        "startupProbe": "/health/ready",
        "readinessProbe": "/health/ready",
        "livenessProbe": "/health/live",
    }


def test_everything_that_selects_the_pods_finds_them() -> None:
    labels = manifest("deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        manifest("deployment")["spec"]["selector"]["matchLabels"],
        manifest("service")["spec"]["selector"],
        manifest("disruption")["spec"]["selector"]["matchLabels"],
        manifest("network")["spec"]["podSelector"]["matchLabels"],
    ]

    assert selectors == [labels] * 4
    assert manifest("autoscaler")["spec"]["scaleTargetRef"]["name"] == manifest("deployment")["metadata"]["name"]


def test_ports_are_those_of_the_container() -> None:
    (port,) = container()["ports"]
    backend = manifest("ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]

    assert [str(port["containerPort"])] == words_of("EXPOSE")
    assert manifest("service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert manifest("network")["spec"]["ingress"][0]["ports"][0]["port"] == port["name"]
    assert backend == {"name": manifest("service")["metadata"]["name"], "port": {"name": "http"}}


def test_a_server_that_others_reach_is_public_or_has_a_key() -> None:
    pod = environment_of(container())

    assert pod["INKDIGIT_PUBLIC"] == "1"  # on purpose, and said in the file; else it would not start without a key
    assert "INKDIGIT_ADMIN_KEY_FILE" in compose()["services"]["server"]["environment"]


def test_the_names_of_the_ingress_are_trusted() -> None:
    hosts = {rule["host"] for rule in manifest("ingress")["spec"]["rules"]}
    settings = Settings.from_env(
        {name: value for name, value in environment_of(container()).items() if "FILE" not in name}
    )

    assert hosts <= set(settings.trusted_hosts)


def test_every_setting_in_the_manifests_is_one_of_the_program() -> None:
    names = set(environment_of(container())) | set(compose()["services"]["server"]["environment"])

    assert {name.removesuffix("_FILE") for name in names} <= set(VARIABLES)


def test_secrets_are_mounted_where_the_settings_look_for_them() -> None:
    files = [value for name, value in environment_of(container()).items() if name.endswith("_FILE")]
    (mount,) = [mount for mount in container()["volumeMounts"] if mount["name"] == "secrets"]

    assert len(files) == 2
    assert {Path(file).parent.as_posix() for file in files} == {mount["mountPath"]}


# --- systemd


UNIT = DEPLOY / "systemd" / "inkdigit.service"


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), flags=re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def systemd_analyze(*arguments: str) -> str:
    told = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)
    return told.stdout + told.stderr


@with_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "inkdigit"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = UNIT.read_text("utf-8")
    (tmp_path / "inkdigit.service").write_text(text.replace("/opt/inkdigit/bin/inkdigit", str(program)))

    assert str(program) in (tmp_path / "inkdigit.service").read_text()
    assert systemd_analyze("verify", "--man=no", str(tmp_path / "inkdigit.service")) == ""


@with_systemd
def test_systemd_would_say_of_a_directive_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "inkdigit.service").write_text("[Service]\nType=exec\nExecStart=/bin/true\nProtectSistem=strict\n")

    assert "ProtectSistem" in systemd_analyze("verify", "--man=no", str(tmp_path / "inkdigit.service"))


@with_systemd
def test_systemd_calls_the_service_little_exposed() -> None:
    told = systemd_analyze("security", "--offline=true", "--no-pager", str(UNIT))

    level = re.search(r"Overall exposure level for inkdigit.service: ([0-9.]+)", told)
    assert level is not None, told
    assert float(level[1]) <= 1.5  # of 10; a unit without any of this has 9.6


def test_the_unit_reloads_by_sighup_and_ends_by_sigterm_with_time_for_the_drain() -> None:
    unit = directives()
    environment = dict(pair.split("=", 1) for pair in unit["Environment"])

    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert unit["KillSignal"] == ["SIGTERM"]
    assert float(unit["TimeoutStopSec"][0]) > drain_of(environment)
    assert unit["Restart"] == ["on-failure"]


def test_the_settings_beside_the_unit_are_settings_of_the_program() -> None:
    text = (DEPLOY / "systemd" / "inkdigit.env").read_text("utf-8")
    env = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    set_by_the_unit = {pair.split("=")[0] for pair in directives()["Environment"]} - {"PYTHONUNBUFFERED"}
    review = re.findall(r"^Environment=(\w+)_FILE=", (DEPLOY / "systemd" / "review.conf").read_text(), re.MULTILINE)

    assert set(env) | set_by_the_unit <= set(VARIABLES)
    assert Settings.from_env(env).trusted_hosts == ("digits.example.org",)
    assert set(review) <= set(SECRETS)


# --- the reverse proxy


def test_the_limits_of_the_proxies_are_those_of_the_server() -> None:
    limits = re.findall(r"client_max_body_size (\d+);", (DEPLOY / "nginx" / "inkdigit.conf").read_text("utf-8"))
    ingress = manifest("ingress")["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]

    assert [int(limit) for limit in limits] == [MAX_BODY_BYTES, MAX_PAGE_BODY_BYTES]
    assert int(ingress) == MAX_PAGE_BODY_BYTES


# --- all of them


@posix
def test_the_script_can_be_run() -> None:
    assert os.access(DEPLOY / "make-secrets", os.X_OK)


def test_every_file_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets/" not in path.as_posix()]

    assert [path for path in files if path.name not in text] == []
