"""The image manifest: order, digests, and all problems at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InputInvalid
from harness.stack import manifest


def test_images_come_after_what_they_need() -> None:
    """Bases and baked images precede the images made of them."""
    images = manifest.load()
    names = list(images)
    for image in images.values():
        for needed in (*filter(None, [image.base]), *image.bake):
            assert names.index(needed) < names.index(image.name)


def test_a_change_of_a_base_changes_everything_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest of an image covers its bases and the toolchain where it compiles."""
    images = manifest.load()
    before = manifest.keys(images, toolchain="one")
    after = manifest.keys(images, toolchain="two")
    changed = {name for name in images if before[name] != after[name]}

    assert {"control-plane", "node-base", "node"} <= changed
    assert "cache" not in changed


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Unknown fields and unknown images are reported together."""
    path = tmp_path / "manifest.yaml"
    path.write_text("images:\n  a: {base: nowhere, colour: red}\n  b: {context: {shell: x}}\n")
    with pytest.raises(InputInvalid) as caught:
        manifest.load(path)

    assert len(caught.value.problems) == 3


def test_an_image_that_needs_itself_is_refused(tmp_path: Path) -> None:
    """A circle in the manifest is an error, not an endless wait."""
    path = tmp_path / "manifest.yaml"
    path.write_text("images:\n  a: {base: b}\n  b: {base: a}\n")
    with pytest.raises(InputInvalid, match="needs itself"):
        manifest.load(path)
