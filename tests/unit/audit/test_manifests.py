"""Manifests are read from folders and from kustomizations, with the lines of their sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.audit.manifests import load
from harness.errors import EnvironmentUnavailable

_OBJECT = "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n{more}"


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _kubectl() -> Path:
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not on PATH")
    return Path(found)


def test_folders_are_read_as_they_stand(tmp_path: Path) -> None:
    """Objects of nested folders, Lists and unknown kinds; the last are not judged."""
    _write(
        tmp_path,
        a=_OBJECT.format(kind="ConfigMap", name="one", more="data: {x: y}\n"),
        deep__b="apiVersion: v1\nkind: List\nitems:\n- "
        + _OBJECT.format(kind="Widget", name="two", more="").replace("\n", "\n  "),
    )
    problems: list[str] = []
    found = load(tmp_path, problems, None)

    assert problems == []
    assert [o.address for o in found.objects] == ["ConfigMap default/one", "Widget default/two"]
    assert found.objects[0].at("data", "x").line == 5
    assert found.objects[1].at("metadata", "name").line == 7
    assert [n.what for n in found.not_judged] == ["Widget default/two"]


def test_every_problem_of_every_file_is_named(tmp_path: Path) -> None:
    """Duplicate keys, wrong types and objects without a name, all at once."""
    _write(
        tmp_path,
        a="kind: Service\nkind: Pod\n",
        b="apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  selector: web\n",
        c="apiVersion: v1\nkind: Service\nmetadata: {}\n",
        d="- just\n- a list\n",
    )
    problems: list[str] = []
    load(tmp_path, problems, None)

    assert len(problems) == 4
    assert "a.yaml:2: key 'kind'" in problems[0]
    assert "b.yaml:5: Service: field 'spec.selector': expected a mapping" in problems[1]
    assert "c.yaml:1: expected an object" in problems[2]
    assert "d.yaml:1: expected an object (a mapping), got list" in problems[3]


def test_a_kustomization_is_rendered_and_shown_at_its_sources(tmp_path: Path) -> None:
    """The production overlay is found, rendered, and its fields have the source's lines."""
    _write(
        tmp_path,
        base__kustomization="resources: [map.yaml]\n",
        base__map=_OBJECT.format(kind="ConfigMap", name="one", more="data: {x: y}\n"),
        overlays__production__kustomization="namespace: shop\nresources: [../../base]\n",
    )
    problems: list[str] = []
    found = load(tmp_path, problems, _kubectl())

    assert problems == []
    assert [o.address for o in found.objects] == ["ConfigMap shop/one"]
    place = found.objects[0].at("data", "x")
    assert place.file == str(tmp_path / "base" / "map.yaml")
    assert place.line == 5


def test_a_kustomization_inside_itself_is_refused(tmp_path: Path) -> None:
    """Recursion and missing files are named with line before anything is rendered."""
    _write(tmp_path, kustomization="resources:\n  - .\n  - absent.yaml\n  - https://a.invalid/b\n")
    problems: list[str] = []
    load(tmp_path, problems, None)

    assert [p.split(": ")[0].rsplit(":", 1)[1] for p in problems] == ["2", "3", "4"]
    assert "inside itself" in problems[0]
    assert "remote base" in problems[2]


def test_what_kustomize_refuses_is_told(tmp_path: Path) -> None:
    """An error of the renderer is a problem with its words."""
    _write(
        tmp_path,
        kustomization="resources: [a.yaml]\npatches: [{path: absent.yaml}]\n",
        a=_OBJECT.format(kind="ConfigMap", name="one", more=""),
    )
    problems: list[str] = []
    load(tmp_path, problems, _kubectl())

    assert "expected a kustomization that renders" in problems[0]


def test_a_kustomization_needs_kubectl(tmp_path: Path) -> None:
    """Without kubectl the environment is unavailable, which is no finding and no pass."""
    _write(
        tmp_path,
        kustomization="resources: [a.yaml]\n",
        a=_OBJECT.format(kind="ConfigMap", name="one", more=""),
    )

    with pytest.raises(EnvironmentUnavailable, match="needs kubectl"):
        load(tmp_path, [], None)


def test_no_objects_is_a_problem(tmp_path: Path) -> None:
    """A folder without objects, or none at all, is refused."""
    problems: list[str] = []
    load(tmp_path, problems, None)
    load(tmp_path / "absent", problems, None)

    assert len(problems) == 2
