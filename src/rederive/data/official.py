"""What the official files are: names, sizes, checksums, and where torchvision gets them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OfficialFile:
    """One unpacked file: its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str

    def mismatch(self, content: bytes) -> str | None:
        """Say how `content` differs from the official file, or return None when it is that file."""
        if len(content) != self.size:
            return f"{self.name} has {len(content):,} bytes instead of {self.size:,}"
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            return f"{self.name} has SHA-256 {found} instead of {self.sha256}"
        return None


@dataclass(frozen=True)
class Collection:
    """The files of one data set in torchvision's layout: below a root folder, all of them in `folder`.

    Packed they are single files `<name>.gz`, or, where `archive` names one, members of that one tar file.
    torchvision downloads from hosts of its own; `addresses` has one file of each, to see whether they answer.
    """

    dataset: str
    title: str
    folder: str
    files: tuple[OfficialFile, ...]
    archive: str | None
    addresses: tuple[str, ...]

    def path(self, root: str | Path, file: OfficialFile) -> Path:
        """Return where `file` belongs below `root`."""
        return Path(root) / self.folder / file.name


MNIST = Collection(
    dataset="mnist",
    title="MNIST",
    folder="MNIST/raw",
    files=(
        OfficialFile(
            "train-images-idx3-ubyte",
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        OfficialFile(
            "train-labels-idx1-ubyte",
            60_008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        OfficialFile(
            "t10k-images-idx3-ubyte",
            7_840_016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        OfficialFile(
            "t10k-labels-idx1-ubyte",
            10_008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    archive=None,
    addresses=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
        "http://yann.lecun.com/exdb/mnist/train-labels-idx1-ubyte.gz",
    ),
)

CIFAR10 = Collection(
    dataset="cifar10",
    title="CIFAR-10",
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
    addresses=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
)

COLLECTIONS = {collection.dataset: collection for collection in (MNIST, CIFAR10)}
