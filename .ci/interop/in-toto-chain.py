"""Makes a layout, links and a product with in-toto's own library, broken in one way.

    in-toto-chain.py KEYS FOLDER traditional|envelope CHANGE
"""

import hashlib
import json
import os
import sys

from in_toto.models._signer import (
    load_crypto_signer_from_pkcs8_file,
    load_public_key_from_file,
)
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.link import FILENAME_FORMAT, Link
from in_toto.models.metadata import Envelope, Metablock

keys, folder, form, change = sys.argv[1:]
links = os.path.join(folder, "links")
product = os.path.join(folder, "product")
os.makedirs(links)
os.makedirs(product)


def public(name):
    return load_public_key_from_file(os.path.join(keys, name + ".pub"))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def sign(signable, name, path):
    signer = load_crypto_signer_from_pkcs8_file(os.path.join(keys, name + ".pem"))
    wrapped = (
        Envelope.from_signable(signable)
        if form == "envelope"
        else Metablock(signed=signable, signatures=[], compact_json=False)
    )
    wrapped.create_signature(signer)
    wrapped.dump(path)


def path_of(step, name, below=""):
    file = FILENAME_FORMAT.format(step_name=step, keyid=public(name)["keyid"])
    return os.path.join(links, below, file)


def link(step, name, materials, products, signer=None, below=""):
    made = Link(
        name=step,
        command=["make"],
        materials={path: {"sha256": sha256(content)} for path, content in materials.items()},
        products={path: {"sha256": sha256(content)} for path, content in products.items()},
    )
    sign(made, signer or name, path_of(step, name, below))


def layout(steps, inspect, names, ends):
    return Layout(
        steps=steps,
        inspect=inspect,
        keys={public(name)["keyid"]: public(name) for name in names},
        expires=ends,
    )


def step(name, signers, threshold, materials, products):
    return Step(
        name=name,
        pubkeys=[public(signer)["keyid"] for signer in signers],
        threshold=threshold,
        expected_materials=materials,
        expected_products=products,
    )


LATER, EARLIER = "2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
source, archive = b"print()\n", b"archive\n"
written = [["ALLOW", "src/*"], ["DISALLOW", "*"]]
if change in ("negated", "caret"):
    mark = "!" if change == "negated" else "^"
    written = [["DISALLOW", f"[{mark}x]rc/*"], ["ALLOW", "*"]]
two = change in ("two", "differ")
steps = [
    step("write", ["ed25519"], 1, [], written),
    step(
        "build",
        ["rsa", "ec"],
        2 if two else 1,
        [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "write"], ["DISALLOW", "*"]],
        [["CREATE", "dist/app.tar"], ["ALLOW", "src/*"], ["DISALLOW", "*"]],
    ),
]
look = Inspection(
    name="look",
    run=["true"],
    expected_materials=[
        ["MATCH", "app.tar", "WITH", "PRODUCTS", "IN", "dist", "FROM", "build"],
        ["DISALLOW", "*"],
    ],
    expected_products=[["ALLOW", "app.tar"], ["DISALLOW", "*"]],
)
ends = EARLIER if change == "expired" else LATER
chain = layout(steps, [look], ["ed25519", "rsa", "ec"], ends)
sign(chain, "owner", os.path.join(folder, "root.layout"))

if change.startswith("nested"):
    inner = layout(
        [step("type", ["ec"], 1, [], written)],
        [],
        ["ec"],
        EARLIER if change == "nested-ended" else LATER,
    )
    sign(inner, "ed25519", path_of("write", "ed25519"))
    below = os.path.basename(path_of("write", "ed25519")).removesuffix(".link")
    os.makedirs(os.path.join(links, below))
    link("type", "ec", {}, {"src/app.py": source}, below=below)
else:
    link("write", "ed25519", {}, {"src/app.py": source}, "rsa" if change == "forged" else None)
used = b"other\n" if change == "material" else source
made = {"src/app.py": source, "dist/app.tar": archive}
if change == "extra":
    made["dist/extra"] = b"extra\n"
link("build", "rsa", {"src/app.py": used}, made)
if two:
    other = {**made, "dist/app.tar": b"other\n"} if change == "differ" else made
    link("build", "ec", {"src/app.py": used}, other)
if change == "missing":
    os.remove(path_of("build", "rsa"))
if change == "broken":
    path = path_of("build", "rsa")
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    one = document["signatures"][0]
    one["sig"] = ("B" if one["sig"][0] == "a" else "a") + one["sig"][1:]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
with open(os.path.join(product, "app.tar"), "wb") as file:
    file.write(b"tampered\n" if change == "product" else archive)
