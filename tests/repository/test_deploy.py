"""Container and manifest: neither Docker nor Kubernetes runs here, so what they name is held against the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from strut_server.commands import serve
from strut_server.server import SERVICES
from strut_server.settings import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
MANIFEST = ROOT / "deploy" / "kubernetes.yaml"


def documents() -> dict[str, Any]:
    with MANIFEST.open(encoding="utf-8") as file:
        return {document["kind"]: document for document in yaml.safe_load_all(file)}


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    return documents()["Deployment"]["spec"]["template"]["spec"]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The options of `strut serve`, as click understands them; files need not exist."""
    context = click.Context(serve)
    values, _, _ = serve.make_parser(context).parse_args(list(arguments))
    return values


def test_the_image_installs_what_the_readme_installs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    extras = re.search(r"^ARG EXTRAS=(\S+)$", DOCKERFILE, re.MULTILINE)
    command = re.search(r"^RUN (python3 -m venv .*)$", DOCKERFILE, re.MULTILINE)
    assert extras is not None
    assert command is not None
    assert f"\n{command.group(1).replace('${EXTRAS}', extras.group(1))} && .venv/bin/strut demo\n" in readme
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"EXTRAS=([\w,]+)", DOCKERFILE):
        for name in extra.split(","):
            assert re.search(rf"^{name} = \[", project, re.MULTILINE), name


def test_the_image_holds_all_that_the_wheel_is_made_of() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split("\n")
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"^packages = \[(.*)\]$", project, re.MULTILINE)
    assert packages is not None
    assert {path.split("/")[0] for path in re.findall(r'"(.+?)"', packages.group(1))} <= copied
    assert {"README.md", "LICENSE", "NOTICE"} <= copied


def test_image_and_manifest_start_a_server_that_other_machines_reach(pod: dict[str, Any]) -> None:
    default = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert default is not None
    (container,) = pod["containers"]
    for arguments in (yaml.safe_load(default.group(1)), container["args"]):
        values = parsed(arguments)
        settings = ServerSettings(host=values["host"], insecure_any_address=values["insecure_any_address"])
        assert settings.host == "0.0.0.0"
        assert values["log_format"] == "json"
    # The arguments replace the image's CMD, after its ENTRYPOINT.
    assert re.search(r'^ENTRYPOINT \["strut", "serve"\]$', DOCKERFILE, re.MULTILINE)
    assert "command" not in container
    assert float(parsed(container["args"])["drain_seconds"]) < pod["terminationGracePeriodSeconds"]
    assert shlex.split(" ".join(container["args"])) == container["args"]


def test_the_probes_ask_the_health_service_of_a_service_that_there_is(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    port = ServerSettings().port
    assert [entry["containerPort"] for entry in container["ports"]] == [port]
    assert f"\nEXPOSE {port}\n" in DOCKERFILE
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["grpc"]
        assert asked["port"] == port
        assert asked.get("service", "") in ("", *SERVICES)


def test_the_manifest_fits_together(pod: dict[str, Any]) -> None:
    found = documents()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < found["Deployment"]["spec"]["replicas"]
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert Path(parsed(container["args"])["tokens"]).parent.as_posix() in mounted
    user = re.search(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert user is not None
    assert int(user.group(1)) == pod["securityContext"]["runAsUser"]
