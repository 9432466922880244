"""A TUF repository made by python-tuf: tuf-repository.py FOLDER TRUSTED_ROOT SIGNING_CONFIG"""

import shutil
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

folder, trusted_root, signing_config = Path(sys.argv[1]), *sys.argv[2:4]
expires = datetime.now(timezone.utc) + timedelta(days=2)
signers = {role: CryptoSigner.generate_ecdsa() for role in ("root", "targets", "snapshot", "timestamp")}

root = Root(expires=expires, consistent_snapshot=True)
for role, signer in signers.items():
    root.add_key(signer.public_key, role)
targets = Targets(expires=expires)
(folder / "targets").mkdir(parents=True)
for name, path in (("trusted_root.json", trusted_root), ("signing_config.v0.2.json", signing_config)):
    target = TargetFile.from_file(name, path, ["sha256"])
    targets.targets[name] = target
    shutil.copy(path, folder / "targets" / f"{target.hashes['sha256']}.{name}")

for role, name, signed in (
    ("root", "1.root.json", root),
    ("targets", "1.targets.json", targets),
    ("snapshot", "1.snapshot.json", Snapshot(expires=expires)),
    ("timestamp", "timestamp.json", Timestamp(expires=expires)),
):
    metadata = Metadata(signed)
    metadata.sign(signers[role])
    metadata.to_file(str(folder / name))
