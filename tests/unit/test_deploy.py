"""deploy/ without a cluster: every file parses, and every command, setting, file and metric that it names is there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from services.cli.app import build
from services.cli.bus_accounts import services_text
from services.cli.processes import SERVICES
from services.embedded.place import place_for
from services.kit.metrics import Metrics
from services.kit.postgres import ROOT
from services.kit.settings import Settings, load
from services.notification.counts import Counts
from services.notification.hooks.counts import HookCounts

DEPLOY = ROOT / "deploy"
YAMLS = sorted([*DEPLOY.rglob("*.yaml")])
NOT_SETTINGS = {"DAYBOOK_METRICS_TOKEN", "DAYBOOK_METRICS_TARGET"}  # of the collector


def documents(path: Path) -> list[Any]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def within(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from within(part)


def settings_names() -> set[str]:
    aliases = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    return {f"DAYBOOK_{name.upper()}" for name in Settings.model_fields} | aliases


def containers(path: Path) -> Iterator[dict[str, Any]]:
    """Of compose its services, of Kubernetes its containers, as {image, args}."""
    for document in documents(path):
        for mapping in within(document):
            if "image" in mapping:
                yield {"image": mapping["image"], "args": mapping.get("args") or mapping.get("command") or []}


@cache
def commands() -> dict[str, Any]:
    """Every command of `daybook`."""
    return dict(vars(typer.main.get_command(build()))["commands"])


def refuse_unknown(arguments: Iterable[str]) -> None:
    """What `daybook` would say to this command line, without running it."""
    name, *rest = arguments
    command = commands()[name]
    command.make_context(name, list(rest), resilient_parsing=False).close()
    if name == "serve":
        assert rest[0] in SERVICES


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_file_parses_and_its_commands_and_settings_are_there(path: Path) -> None:
    assert documents(path)
    for container in containers(path):
        if container["image"] == "daybook" and container["args"][:1] not in ([], ["sh"]):
            refuse_unknown(container["args"])
    named = set(re.findall(r"\b(?:DAYBOOK|OTEL)_[A-Z_]+\b", path.read_text()))
    assert named - settings_names() <= NOT_SETTINGS


def test_every_process_is_deployed_everywhere() -> None:
    for folder in ("compose.yaml", "kubernetes"):
        paths = [DEPLOY / folder] if folder.endswith("yaml") else (DEPLOY / folder).glob("*.yaml")
        args = [container["args"] for path in paths for container in containers(path)]
        assert {one[1] for one in args if one[:1] == ["serve"]} == set(SERVICES), folder
        assert ["erase", "--compact"] in args, f"{folder}: nobody compacts at night"


def test_compose_waits_for_services_and_volumes_that_are_there() -> None:
    (compose,) = documents(DEPLOY / "compose.yaml")
    services, volumes = compose["services"], compose["volumes"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}"
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other]
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).is_dir() if source.startswith(".") else source in volumes, f"{name}: {volume}"
    built = compose["x-daybook"]["build"]
    assert (DEPLOY / built["context"] / built["dockerfile"]).is_file()


def test_kubernetes_names_what_it_has() -> None:
    paths = {path.name: path for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    (kustomization,) = documents(paths.pop("kustomization.yaml"))
    assert set(kustomization["resources"]) == paths.keys() - {"secret.example.yaml"}
    for generator in kustomization["configMapGenerator"]:
        for file in generator["files"]:
            assert (DEPLOY / "kubernetes" / file.partition("=")[2]).is_file()
    found = [document for path in paths.values() for document in documents(path)]
    assert all(document["apiVersion"] and document["metadata"]["name"] for document in found)
    kinds = {(document["kind"], document["metadata"]["name"]) for document in found}
    generated = {("ConfigMap", generator["name"]) for generator in kustomization["configMapGenerator"]}
    for mapping in within(found):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret"), ("configMap", "ConfigMap")):
            if key in mapping:
                assert (kind, mapping[key]["name"]) in kinds | generated
        if "persistentVolumeClaim" in mapping:
            assert ("PersistentVolumeClaim", mapping["persistentVolumeClaim"]["claimName"]) in kinds
        if "matchLabels" in mapping:
            assert ("StatefulSet", mapping["matchLabels"]["app"]) in kinds or (
                "Deployment", mapping["matchLabels"]["app"]) in kinds  # fmt: skip


@pytest.mark.parametrize("name", ["nats.conf", "cluster.conf"])
def test_nats_takes_its_configuration_with_our_accounts(name: str, tmp_path: Path) -> None:
    settings = load(home=tmp_path / "home", role_secret="for-tests-only")
    (tmp_path / "nats-accounts.conf").write_text(services_text(settings))
    text = (DEPLOY / "nats" / name).read_text()
    included = re.search(r"^include (\S+)$", text, re.MULTILINE)
    assert included is not None
    assert included[1].endswith("/nats-accounts.conf")
    (tmp_path / name).write_text(text.replace(included[1], "nats-accounts.conf").replace("/data", str(tmp_path)))
    server = place_for(settings).nats_server
    done = subprocess.run(
        [server, "-t", "-c", tmp_path / name], env={"NATS_NAME": "nats-0"}, check=False, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_image_is_made_of_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE):
        assert (ROOT / source).exists(), source
        assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)
    assert json.loads(entry)[-1] == "services"
    assert (ROOT / "services" / "__main__.py").exists()
    (command,) = re.findall(r"^CMD (.*)$", text, re.MULTILINE)
    refuse_unknown(json.loads(command))
    assert set(re.findall(r"DAYBOOK_[A-Z_]+", text)) <= settings_names()


def test_the_nightly_lines_are_commands_of_ours() -> None:
    lines = [line for line in (DEPLOY / "cron" / "daybook").read_text().splitlines() if line[:1].isdigit()]
    (compose,) = documents(DEPLOY / "compose.yaml")
    for line in lines:
        *_, service_and_rest = line.partition(" run ")[2:]
        words = [
            word for word in service_and_rest.partition(" > ")[0].split() if word not in {"--rm", "--no-deps", "-T"}
        ]
        assert words[0] in compose["services"]
        refuse_unknown(words[1:] or compose["services"][words[0]]["command"])


def test_the_dashboard_shows_metrics_that_are_told(tmp_path: Path) -> None:
    metrics = Metrics("web")
    Counts(metrics)
    HookCounts(metrics)
    told: dict[str, set[str]] = {}
    for collector in set(metrics.registry._collector_to_names):
        labels = set(getattr(collector, "_labelnames", ()))
        for name in metrics.registry._collector_to_names[collector]:
            told[name] = labels | {"le"}
    dashboard = json.loads((DEPLOY / "dashboards" / "daybook.json").read_text())
    queries = [(panel["title"], target) for panel in dashboard["panels"] for target in panel["targets"]]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]) >= 8
    for title, target in queries:
        names = set(re.findall(r"daybook_[a-z_]+", target["expr"]))
        assert set() < names <= told.keys(), title
        labels = set().union(*(told[name] for name in names))
        grouped = {
            label.strip() for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(",")
        }
        assert grouped | set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels, title


def test_the_collector_s_pipelines_name_what_is_configured() -> None:
    (collector,) = documents(DEPLOY / "otel" / "collector.yaml")
    for pipeline in collector["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= collector[part].keys()
