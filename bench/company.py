"""A company to measure promotion chains with: keys, a policy, and releases that walked it.

Everything is done by the program itself, as a release engineer would, so what is measured is what is there in earnest.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROVENANCE = "https://slsa.dev/provenance/v1"


class Company:
    """A folder with keys and a policy whose environments follow each other in a line."""

    def __init__(self, bulla: Path, folder: Path, environments: list[str], services: dict[str, str]) -> None:
        self.bulla, self.folder = bulla, folder
        self.environments = environments
        (folder / "policy/services").mkdir(parents=True)
        for name in ("builder", "promoter", "alice"):
            self.run("key", "generate", "--no-password", "--out", name)
        self.write_policy()
        for name, images in services.items():
            text = f'service: {name}\ntier: high\nsources: ["https://github.com/acme/{name}"]\nimages: ["{images}"]\n'
            (folder / f"policy/services/{name}.yaml").write_text(text)
            (folder / f"{name}.json").write_text(json.dumps(provenance(name)))

    def run(self, *arguments: str) -> str:
        # Nobody's own settings take part.
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "RUST_BACKTRACE": "0"}
        done = subprocess.run(
            [self.bulla, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"bulla {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def key(self, name: str) -> str:
        return json.dumps((self.folder / f"{name}.pub").read_text())

    def write_policy(self) -> None:
        lines = ["apiVersion: bulla.dev/policy/v0.1", "name: release", "version: 1", "environments:"]
        lines += [f'  {name}: {{uri: "env://acme/pay/{name}", freshness: none}}' for name in self.environments]
        lines += ["tiers:", "  high: {claimedTime: allow}", "identities:"]
        lines += [f"  {name}: [{{key: {self.key(name)}}}]" for name in ("builder", "promoter")]
        lines.append("edges:")
        before = None
        for name in self.environments:
            start = f"  - from: {before}\n    to: {name}" if before else f"  - to: {name}"
            require = "      provenance: {by: [builder]}"
            if before and name == self.environments[-1]:
                require += "\n      approvals: {threshold: 1, roles: [release-manager]}"
            lines.append(f"{start}\n    by: [promoter]\n    require:\n{require}")
            before = name
        (self.folder / "policy/release.yaml").write_text("\n".join(lines) + "\n")
        people = f"people:\n  alice: {{roles: [release-manager], identities: [{{key: {self.key('alice')}}}]}}\n"
        people += "  bob: {emails: [bob@acme.example], identities: []}\n"
        people += "machines:\n" + "".join(
            f"  {name}: [{{key: {self.key(name)}}}]\n" for name in ("builder", "promoter")
        )
        (self.folder / "policy/people.yaml").write_text(people)

    def release(self, service: str, image: str, flags: tuple[str, ...] = ()) -> None:
        """Walks an image through every environment."""
        attest = ("attest", "--type", PROVENANCE, "--predicate", f"{service}.json", "--key", "builder.key")
        self.run(*attest, *flags, image)
        policy = ("--policy", "policy", *flags)
        for name in self.environments:
            if name == self.environments[-1] and len(self.environments) > 1:
                self.run("approve", image, "--to", name, "--yes", "--key", "alice.key", *policy)
            self.run("promote", image, "--to", name, "--key", "promoter.key", "--release", "1.0", *policy)

    def attest(self, image: str, count: int) -> None:
        """Adds statements that no rule asks for."""
        (self.folder / "other.json").write_text("{}")
        for number in range(count):
            kind = f"https://example.test/other/v{number}"
            self.run("attest", "--type", kind, "--predicate", "other.json", "--key", "builder.key", image)

    def release_all(self, images: dict[str, str], source: str, flags: tuple[str, ...]) -> None:
        """Copies an image to each of these places, and walks it there."""

        def one(item: tuple[str, str]) -> None:
            service, image = item
            self.run("copy", source, image, *flags)
            self.release(service, image, flags)

        with ThreadPoolExecutor(4) as workers:
            list(workers.map(one, images.items()))


def small_image(layout: Path, tag: str) -> None:
    """An image of one layer with one empty tar archive: what it holds is not measured."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(media_type: str, content: bytes) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    kind = "application/vnd.oci.image"
    tar = bytes(1024)
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]}
    config = {"architecture": "amd64", "os": "linux", "rootfs": rootfs}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": put(f"{kind}.config.v1+json", json.dumps(config).encode()),
        "layers": [put(f"{kind}.layer.v1.tar", tar)],
    }
    entry = put(f"{kind}.manifest.v1+json", json.dumps(manifest).encode())
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def provenance(service: str) -> dict:
    return {
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [
                {
                    "uri": f"git+https://github.com/acme/{service}@refs/heads/main",
                    "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
                    "annotations": {"https://bulla.dev/authors": ["bob@acme.example"]},
                }
            ],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    }
