"""Images are pulled where a registry answers in time, and builds leave nothing half done."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from harness.stack import images, manifest
from harness.stack.folders import Folders
from harness.stack.images import ImageStore


class _Pulled:
    def __init__(self, known: set[str]) -> None:
        self._known = known

    def tag(self, repository: str, tag: str) -> bool:
        self._known.add(f"{repository}:{tag}")
        return True


class _Images:
    """The part of the engine's client that the store uses."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.known: set[str] = set()
        self.pulled: list[str] = []
        self.release = threading.Event()

    def get(self, reference: str) -> Any:
        if reference not in self.known:
            raise docker.errors.ImageNotFound(reference)
        return object()

    def get_registry_data(self, source: str) -> object:
        if self.answer == "silent":
            self.release.wait(10)
        if self.answer != "yes":
            raise docker.errors.APIError("no such host")
        return object()

    def pull(self, source: str) -> _Pulled:
        self.pulled.append(source)
        return _Pulled(self.known)

    def list(self) -> list[Any]:
        return []


class _Client:
    def __init__(self, answer: str) -> None:
        self.images = _Images(answer)


def _store(tmp_path: Path, answer: str) -> tuple[ImageStore, _Client]:
    client = _Client(answer)
    return ImageStore(client, Folders(tmp_path), lambda line: None), client  # type: ignore[arg-type]


def test_a_base_is_pulled_by_digest_and_known_by_our_name(tmp_path: Path) -> None:
    """What is built on it names the same reference, pulled or built."""
    store, client = _store(tmp_path, "yes")
    reference = store.references()["base-bookworm"]
    source = str(manifest.load()["base-bookworm"].pull)

    assert store._pull(source, reference) is True
    assert "@sha256:" in source
    assert client.images.pulled == [source]
    assert reference in client.images.known


@pytest.mark.parametrize("answer", ["no", "silent"])
def test_without_an_answer_in_time_the_image_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """A registry that refuses or is silent is taken as absent."""
    monkeypatch.setattr(images, "PULL_ANSWER_SECONDS", 0.05)
    store, client = _store(tmp_path, answer)
    try:
        assert store._pull("x@sha256:0", "smart-dairy-harness/x:1") is False
        assert client.images.pulled == []
    finally:
        client.images.release.set()


def test_all_images_are_missing_on_a_new_machine(tmp_path: Path) -> None:
    """Nothing is taken for present that the engine does not know."""
    store, _ = _store(tmp_path, "no")

    assert store.missing() == [*manifest.load()]


def test_scratch_folders_are_emptied_before_and_removed_after(tmp_path: Path) -> None:
    """An interrupted build's leftovers do not reach the next one."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "left-over").write_text("x")
    with images._Scratch(folder) as empty:
        assert list(empty.iterdir()) == []
    assert not folder.exists()
