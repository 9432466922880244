"""attach.py LAYOUT DIGEST BUNDLE: attaches a bundle to an image in an OCI layout, without Bulla.

Writes what the OCI image specification 1.1 and cosign's bundle specification say: an artifact manifest
whose subject is the image, listed in index.json.
"""

import hashlib
import json
import sys
from pathlib import Path

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
layout, digest, bundle = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])


def store(content: bytes, media_type: str) -> dict:
    name = hashlib.sha256(content).hexdigest()
    (layout / "blobs/sha256" / name).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}


index = json.loads((layout / "index.json").read_text())
subject = next(entry for entry in index["manifests"] if entry["digest"] == digest)
manifest = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "artifactType": BUNDLE,
    "config": store(b"{}", "application/vnd.oci.empty.v1+json"),
    "layers": [store(bundle.read_bytes(), BUNDLE)],
    "subject": {name: subject[name] for name in ("mediaType", "digest", "size")},
}
entry = store(json.dumps(manifest).encode(), MANIFEST)
index["manifests"].append({**entry, "artifactType": BUNDLE})
(layout / "index.json").write_text(json.dumps(index))
