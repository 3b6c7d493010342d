"""Images of the stack: found, loaded from the cache, pulled by digest, or built from packages.

A build happens in a scratch folder and its tag appears only when it is whole, so that an
interrupted run goes on with the next missing image.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import docker
import docker.errors
import requests.exceptions
import uv

from harness import clock, command
from harness.errors import EnvironmentUnavailable
from harness.stack import engine, gotools, manifest, nodeimage
from harness.stack.folders import REPOSITORY, Folders
from harness.stack.manifest import Image

# One image build: apt inside a container on a slow mirror.
BUILD_LIMIT_SECONDS = 1200
# A registry that does not answer in this time is taken as absent.
PULL_ANSWER_SECONDS = 10
PACKAGE_LIMIT_SECONDS = 600
# Two at a time: one compiles while the other unpacks packages.
PARALLEL_BUILDS = 2


class ImageStore:
    """Makes the manifest's images known to the engine, each under its content digest."""

    def __init__(
        self, client: docker.DockerClient, folders: Folders, report: Callable[[str], None]
    ) -> None:
        self._client = client
        self._folders = folders
        self._report = report
        self._go_lock = threading.Lock()
        self._images = manifest.load()
        self._keys = manifest.keys(self._images, toolchain=gotools.KUBERNETES_VERSION)

    def references(self) -> dict[str, str]:
        """Return the reference of each image of the manifest, present or not."""
        return {name: manifest.reference(name, self._keys[name]) for name in self._images}

    def missing(self) -> list[str]:
        """Return the names of images that the engine does not have."""
        return [name for name, ref in self.references().items() if not self._has(ref)]

    def ensure(self) -> dict[str, str]:
        """Return the references of all images, after building those that are missing."""
        missing = self.missing()
        if missing:
            expected = sum(self._images[name].expected_seconds for name in missing)
            self._report(
                f"{len(missing)} of {len(self._images)} images are to be made "
                f"(expected {max(1, expected // 60)} min): {', '.join(missing)}"
            )
        with ThreadPoolExecutor(max_workers=len(self._images)) as pool:
            slots = threading.Semaphore(PARALLEL_BUILDS)
            futures: dict[str, Future[None]] = {}
            for name, image in self._images.items():
                needed = [futures[n] for n in (*filter(None, [image.base]), *image.bake)]
                futures[name] = pool.submit(self._ensure_one, image, needed, slots)
            for future in futures.values():
                future.result()
        if missing:
            self.remove_stale()
        return self.references()

    def remove_stale(self) -> list[str]:
        """Remove the tags of images made from earlier versions of the files; return them.

        One that a container still uses stays until its container is replaced.
        """
        current = set(self.references().values())
        removed = []
        for image in self._client.images.list():
            for tag in image.tags:
                if tag.startswith(f"{manifest.PREFIX}/") and tag not in current:
                    with contextlib.suppress(docker.errors.APIError):
                        self._client.images.remove(tag)
                        removed.append(tag)
        return removed

    def remove_tags(self) -> list[str]:
        """Keep an archive of each image below the cache folder and remove its tags.

        Used by ``down`` on an engine that is not the harness's own, so that the engine has no
        image that it did not have before.
        """
        folder = self._folders.cache / "images"
        folder.mkdir(parents=True, exist_ok=True)
        removed = []
        for name, ref in reversed(list(self.references().items())):
            if not self._has(ref):
                continue
            archive = self._archive(name)
            if not archive.exists():
                partial = archive.with_suffix(".partial")
                command.run(
                    ["docker", "save", "-o", partial, ref], limit_seconds=PACKAGE_LIMIT_SECONDS
                )
                partial.replace(archive)
            self._client.images.remove(ref, force=True)
            removed.append(ref)
        return removed + self.remove_stale()

    def digests(self) -> dict[str, str]:
        """Return the engine's content digest of each image that is present."""
        result = {}
        for name, ref in self.references().items():
            if self._has(ref):
                result[name] = str(self._client.images.get(ref).id)
        return result

    def _archive(self, name: str) -> Path:
        return self._folders.cache / "images" / f"{name}-{self._keys[name]}.tar"

    def _has(self, ref: str) -> bool:
        try:
            self._client.images.get(ref)
        except docker.errors.ImageNotFound:
            return False
        return True

    def _ensure_one(
        self, image: Image, needed: list[Future[None]], slots: threading.Semaphore
    ) -> None:
        for future in needed:
            future.result()
        ref = manifest.reference(image.name, self._keys[image.name])
        if self._has(ref):
            return
        with slots:
            started = clock.monotonic()
            how = self._make(image, ref)
            self._report(f"image {image.name}: {how} in {clock.monotonic() - started:.0f} s")

    def _make(self, image: Image, ref: str) -> str:
        archive = self._archive(image.name)
        if archive.exists():
            command.run(["docker", "load", "-i", archive], limit_seconds=PACKAGE_LIMIT_SECONDS)
            return "loaded from the cache"
        if image.pull is not None and self._pull(image.pull, ref):
            return "pulled"
        self._report(f"image {image.name}: building (expected {image.expected_seconds} s)")
        if image.debootstrap is not None:
            self._debootstrap(image, ref)
        elif image.bake:
            self._bake(image, ref)
        else:
            self._build(image, ref)
        return "built"

    def _pull(self, source: str, ref: str) -> bool:
        """Pull ``source`` (a reference by digest); False where no registry answers in time."""
        done = threading.Event()
        outcome: list[bool] = []

        def attempt() -> None:
            try:
                self._client.images.get_registry_data(source)
                outcome.append(True)
            except (docker.errors.APIError, requests.exceptions.RequestException):
                outcome.append(False)
            done.set()

        threading.Thread(target=attempt, daemon=True).start()
        if not done.wait(PULL_ANSWER_SECONDS) or not outcome[0]:
            return False
        pulled = self._client.images.pull(source)
        repository, _, tag = ref.rpartition(":")
        return bool(pulled.tag(repository, tag))

    def _debootstrap(self, image: Image, ref: str) -> None:
        assert image.debootstrap is not None
        if shutil.which("debootstrap") is None and engine.can_install_packages():
            self._report(f"image {image.name}: installing debootstrap with apt-get")
            engine.install_packages("debootstrap")
        if shutil.which("debootstrap") is None:
            raise EnvironmentUnavailable(
                f"Image {image.name}: no image registry answers and debootstrap is not installed. "
                "Next step: apt-get install debootstrap (Debian, Ubuntu), or run where images "
                "can be pulled."
            )
        with self._scratch(image.name) as folder:
            root = folder / "root"
            command.run(
                ["debootstrap", "--variant=minbase", image.debootstrap, root],
                limit_seconds=BUILD_LIMIT_SECONDS,
                log=self._log(image.name),
            )
            for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*"):
                for file in root.glob(pattern):
                    file.unlink()
            archive = folder / "root.tar"
            command.run(
                ["tar", "--numeric-owner", "-C", root, "-cf", archive, "."],
                limit_seconds=PACKAGE_LIMIT_SECONDS,
            )
            command.run(
                ["docker", "import", "--change", 'CMD ["bash"]', archive, ref],
                limit_seconds=PACKAGE_LIMIT_SECONDS,
            )

    def _build(self, image: Image, ref: str) -> None:
        with self._scratch(image.name) as folder:
            shutil.copytree(image.folder, folder / "context")
            self._fill(image, folder / "context", folder)
            arguments = []
            if image.base:
                base = manifest.reference(image.base, self._keys[image.base])
                arguments = ["--build-arg", f"BASE={base}"]
            command.run(
                ["docker", "build", "--network", "host", "--tag", ref, *arguments, "."],
                limit_seconds=BUILD_LIMIT_SECONDS,
                cwd=folder / "context",
                environment={"DOCKER_BUILDKIT": "0"},
                log=self._log(image.name),
            )

    def _bake(self, image: Image, ref: str) -> None:
        assert image.base is not None
        references = self.references()
        nodeimage.bake(
            self._client,
            base=references[image.base],
            images={name: references[name] for name in image.bake},
            target=ref,
            scratch=self._folders.cache / "scratch",
            report=self._report,
        )

    def _fill(self, image: Image, context: Path, scratch: Path) -> None:
        """Put the programs and packages that the Dockerfile copies beside it."""
        wanted = image.context
        if wanted.go:
            (context / "bin").mkdir()
            with self._go_lock:
                programs = gotools.binaries(self._folders, self._report)
            for program in wanted.go:
                shutil.copy2(programs / program, context / "bin" / program)
        if wanted.python is not None:
            self._uv(
                ["pip", "install", "--python-version", wanted.python.version]
                + ["--python-platform", "x86_64-manylinux_2_28"]
                + ["--target", str(context / "python")]
                + ["-r", str(REPOSITORY / wanted.python.requirements)],
                image.name,
            )
        for package, inside in (wanted.npm or {}).items():
            self._npm(package, inside, context / "vendor", scratch)
        for package, version in (wanted.wheels or {}).items():
            target = context / "vendor" / package.partition("==")[0]
            self._uv(
                ["pip", "install", "--no-deps", "--python-version", version]
                + ["--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"]
                + ["--target", str(target), package],
                image.name,
            )
        for module, inside in (wanted.modules or {}).items():
            source = gotools.module_folder(self._folders, module) / inside
            target = context / module.partition("@")[0].rsplit("/", 1)[-1]
            shutil.copytree(source, target)
        for source_path, target_path in (wanted.copy or {}).items():
            source = REPOSITORY / source_path
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            if source.is_dir():
                shutil.copytree(source, context / target_path, ignore=ignore)
            else:
                shutil.copy2(source, context / target_path)

    def _uv(self, arguments: list[str], name: str) -> None:
        command.run(
            [uv.find_uv_bin(), *arguments],
            environment={"UV_PYTHON_DOWNLOADS": "never"},
            limit_seconds=PACKAGE_LIMIT_SECONDS,
            log=self._log(name),
        )

    def _npm(self, package: str, inside: str, vendor: Path, scratch: Path) -> None:
        if shutil.which("npm") is None:
            raise EnvironmentUnavailable(
                f"npm was not found on PATH; it fetches {package}. "
                "Next step: apt-get install npm, or install Node.js."
            )
        download = scratch / "npm"
        download.mkdir(exist_ok=True)
        command.run(
            ["npm", "pack", "--silent", "--pack-destination", download, package],
            limit_seconds=PACKAGE_LIMIT_SECONDS,
            cwd=download,
        )
        (archive,) = download.glob("*.tgz")
        shutil.unpack_archive(archive, download / "unpacked", "gztar")
        name = package.rpartition("@")[0].rsplit("/", 1)[-1]
        source = download / "unpacked" / "package" / inside
        shutil.copytree(source, vendor / name, symlinks=True)
        shutil.rmtree(download)

    def _log(self, name: str) -> Path:
        folder = self._folders.cache / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"image-{name}.log"

    def _scratch(self, name: str) -> _Scratch:
        return _Scratch(self._folders.cache / "scratch" / name)


class _Scratch:
    """A folder that is emptied before use and removed after it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(parents=True)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
