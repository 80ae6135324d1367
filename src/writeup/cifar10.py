"""CIFAR-10: its official files, and how they are read."""

from pathlib import Path

import numpy as np

from rederive.data import Split
from rederive.data.official import OfficialFile, OfficialFiles

FILES = OfficialFiles(
    folder="cifar-10-batches-py",
    files=(
        OfficialFile("data_batch_1", 31_035_704, "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd"),
        OfficialFile("data_batch_2", 31_035_320, "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8"),
        OfficialFile("data_batch_3", 31_035_999, "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9"),
        OfficialFile("data_batch_4", 31_035_696, "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b"),
        OfficialFile("data_batch_5", 31_035_623, "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154"),
        OfficialFile("test_batch", 31_035_526, "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831"),
        OfficialFile("batches.meta", 158, "f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb"),
    ),
    archive="cifar-10-python.tar.gz",
    download="torchvision.datasets:CIFAR10",
    addresses=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    prepared="91e8e0a860d0d6cc67e947c47fcf8660cf5175acb37f45a12ff0f1bc28f6c0d4",
)


def read(root: Path) -> dict[str, Split]:
    """Return the splits, images (n, 3, 32, 32): the five training batches in order, and the test batch.

    torchvision unpickles the files: they must have been checked before.
    """
    return {"train": _read(root, train=True), "test": _read(root, train=False)}


def _read(root: Path, train: bool) -> Split:
    from torchvision import datasets  # slow to import

    found = datasets.CIFAR10(root, train=train)
    images = np.ascontiguousarray(found.data.transpose(0, 3, 1, 2))
    return Split(images, np.array(found.targets, dtype=np.uint8))
