"""Generated data of the form of MNIST and CIFAR-10, so that the whole write-up can be built without the real ones.

The pictures are as large as the real ones, of the same types and value range, and can be learnt, but not by a constant
guess and not to the last one. They are a pure function of the seed and the sizes.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rederive.data.arrays import Images, Labels, Split
from rederive.errors import UserError

Floats = NDArray[np.float64]
Random = np.random.Generator

CLASSES = 10
GLYPH_SIZE = 64
FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Italic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBolIta.ttf",
    "STIXGeneralItalic.ttf",
    "cmr10.ttf",
    "cmss10.ttf",
    "cmtt10.ttf",
)


def digits(sizes: Mapping[str, int], seed: int) -> dict[str, Split]:
    """Return generated splits in the place of MNIST, with so many pictures each (see `digit_pictures`)."""
    return _splits(digit_pictures, sizes, seed, ("train", "validation", "test"), stream=0)


def shapes(sizes: Mapping[str, int], seed: int) -> dict[str, Split]:
    """Return generated splits in the place of CIFAR-10, with so many pictures each (see `shape_pictures`)."""
    return _splits(shape_pictures, sizes, seed, ("train", "test"), stream=1)


def _splits(
    draw: Callable[[Labels, Random], Images], sizes: Mapping[str, int], seed: int, names: Sequence[str], stream: int
) -> dict[str, Split]:
    """Draw splits, each from a random stream of its own: the size of one does not change another."""
    if set(sizes) != set(names):
        raise UserError(f"stand-in data: found sizes for {', '.join(sizes) or 'nothing'}; expected {', '.join(names)}")
    splits = {}
    for number, name in enumerate(names):
        random = np.random.default_rng([seed, number, stream])
        labels = random.permutation(np.arange(sizes[name]) % CLASSES).astype(np.uint8)
        splits[name] = Split(draw(labels, random), labels)
    return splits


# --- digits, in the place of MNIST ----------------------------------------------------------------------------


def digit_pictures(labels: Labels, random: Random) -> Images:
    """Return a picture (28, 28) of each digit of `labels`: white on black, in a random font, turned, sheared, scaled.

    Behind each digit stands the fainter ghost of another; now and then it is hardly fainter, and nobody can tell.
    """
    glyphs = _glyphs()
    count = len(labels)
    others = (labels + random.integers(1, CLASSES, count, dtype=np.uint8)) % CLASSES
    ghost = random.uniform(0, 1, (count, 1, 1)) ** 6
    ink = np.maximum(_placed(glyphs, labels, random), ghost * _placed(glyphs, others, random))
    brightness = random.uniform(0.6, 1.0, count)[:, None, None]
    noise = random.normal(0, 0.06, ink.shape) * (random.uniform(size=ink.shape) < 0.3)
    return _to_bytes(ink * brightness + noise)


def _glyphs() -> Floats:
    """Return the ten digits in each of FONTS as (10, fonts, 64, 64), ink 1 on 0, in the middle of the square."""
    import matplotlib
    from matplotlib.ft2font import FT2Font, LoadFlags
    from scipy import ndimage

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    glyphs = np.zeros((CLASSES, len(FONTS), GLYPH_SIZE, GLYPH_SIZE))
    for column, name in enumerate(FONTS):
        font = FT2Font(str(folder / name))
        font.set_size(40, 72)
        for digit in range(CLASSES):
            font.set_text(str(digit), 0.0, flags=LoadFlags.NO_HINTING)
            font.draw_glyphs_to_bitmap(antialiased=True)
            bitmap = np.asarray(font.get_image())
            top, left = ((GLYPH_SIZE - length) // 2 for length in bitmap.shape)
            glyphs[digit, column, top : top + bitmap.shape[0], left : left + bitmap.shape[1]] = bitmap / 255
    # A pen is thicker than print.
    return ndimage.grey_dilation(glyphs, size=(1, 1, 4, 4))  # type: ignore[no-any-return]


def _placed(glyphs: Floats, labels: Labels, random: Random, size: int = 28) -> Floats:
    """Return (n, 28, 28): the digits of `labels`, each in a random font under a random affine map."""
    from scipy import ndimage

    count = len(labels)
    angle = random.normal(0, 0.12, count)
    shear = random.normal(0, 0.12, count)
    width, height = random.uniform(0.8, 1.1, (2, count))
    shift = random.normal(0, 1.0, (2, count))
    font = random.integers(len(FONTS), size=count)

    # The inverse map: from each pixel of the picture to the point of the glyph whose ink it shows.
    scale = 40 / 20  # a glyph is 40 pixels high, a digit in a picture 20
    centre = (size - 1) / 2
    y, x = np.meshgrid(np.arange(size) - centre, np.arange(size) - centre, indexing="ij")
    y = (y[None] - shift[0, :, None, None]) * scale
    x = (x[None] - shift[1, :, None, None]) * scale
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    turned_y = (cosine * y - sine * x) / height[:, None, None]
    turned_x = (sine * y + cosine * x) / width[:, None, None] + shear[:, None, None] * turned_y
    middle = (GLYPH_SIZE - 1) / 2
    which = np.broadcast_to((labels * len(FONTS) + font)[:, None, None], turned_x.shape)
    stack = glyphs.reshape(-1, GLYPH_SIZE, GLYPH_SIZE)
    coordinates = np.stack([which, turned_y + middle, turned_x + middle])
    return ndimage.map_coordinates(stack, coordinates, order=1, mode="constant", cval=0.0)  # type: ignore[no-any-return]


# --- shapes, in the place of CIFAR-10 -------------------------------------------------------------------------


def shape_pictures(labels: Labels, random: Random) -> Images:
    """Return a picture (3, 32, 32) of each label: one of ten shapes and textures in two colours.

    Place, size, direction, brightness and noise are random. A class prefers a hue but does not own it, and some
    pictures have so little contrast that the noise hides them.
    """
    count = len(labels)
    grid = np.linspace(-1, 1, 32)
    y, x = np.meshgrid(grid, grid, indexing="ij")
    shift = random.uniform(-0.3, 0.3, (2, count))
    angle = random.normal(0, 0.25, count)
    size = random.uniform(0.7, 1.2, count)
    cosine, sine = np.cos(angle) / size, np.sin(angle) / size
    y, x = y[None] - shift[0, :, None, None], x[None] - shift[1, :, None, None]
    y, x = (
        cosine[:, None, None] * y - sine[:, None, None] * x,
        sine[:, None, None] * y + cosine[:, None, None] * x,
    )
    mask = np.empty(x.shape)
    for label in range(CLASSES):
        members = labels == label
        mask[members] = _shape(label, y[members], x[members])

    hue = labels / CLASSES + random.normal(0, 0.15, count)
    front = _colour(hue, random.uniform(0.4, 1.0, count))
    back = _colour(random.uniform(0, 1, count), random.uniform(0.0, 0.6, count))
    contrast = random.uniform(0, 1, count) ** 0.5
    blend = (mask * contrast[:, None, None])[:, None]
    picture = blend * front[:, :, None, None] + (1 - blend) * back[:, :, None, None]
    light = random.uniform(0.5, 1.0, count)[:, None, None, None]
    return _to_bytes(picture * light + random.normal(0, 0.08, picture.shape))


def _shape(label: int, y: Floats, x: Floats) -> Floats:
    """Return 1 where the shape or texture of class `label` has its first colour, else 0; `y`, `x` about -1 to 1."""
    radius = np.hypot(x, y)
    inside = [
        radius < 0.6,  # disc
        (radius > 0.4) & (radius < 0.7),  # ring
        np.maximum(np.abs(x), np.abs(y)) < 0.5,  # square
        (y < 0.5) & (y > 2 * np.abs(x) - 0.7),  # triangle
        np.minimum(np.abs(x), np.abs(y)) < 0.2,  # cross
        np.sin(9 * y) > 0,  # stripes across
        np.sin(9 * x) > 0,  # stripes upright
        np.sin(7 * x) * np.sin(7 * y) > 0,  # chequers
        np.hypot(np.sin(5 * x), np.sin(5 * y)) < 0.6,  # dots
        np.sin(12 * radius) > 0,  # circles
    ]
    return inside[label].astype(np.float64)  # type: ignore[no-any-return]


def _colour(hue: Floats, saturation: Floats) -> Floats:
    """Return colours (n, 3) in 0..1 of full brightness; a hue of 0 and one of 1 are the same red."""
    phase = hue[:, None] + np.array([0, 2 / 3, 1 / 3])
    return 1 - saturation[:, None] * (0.5 - 0.5 * np.cos(2 * np.pi * phase))  # type: ignore[no-any-return]


def _to_bytes(picture: Floats) -> Images:
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
