"""Images of every kind become RGB or one line; views show what they should."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random
from warnings import simplefilter

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image

from dse.images import views
from dse.images.views import image_in_turn, image_size, read_image, ten_crops, whole_image
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE
from mean_colour import draw

BICUBIC = Image.Resampling.BICUBIC


@pytest.mark.parametrize(
    ("mode", "suffix", "colour", "expected"),
    [
        ("L", "png", 90, (90, 90, 90)),
        ("1", "png", 1, (255, 255, 255)),
        ("P", "png", 0, (0, 0, 0)),
        ("I;16", "png", 40_000, (156, 156, 156)),
        ("RGBA", "png", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", "png", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", "png", (10, 0), (255, 255, 255)),
        ("RGBA", "webp", (10, 20, 30, 0), (255, 255, 255)),
    ],
)
def test_every_kind_of_image_becomes_three_colours(tmp_path, mode, suffix, colour, expected):
    path = tmp_path / f"bird.{suffix}"
    Image.new(mode, (30, 20), colour).save(path)
    image = read_image(path)
    assert (image.mode, image.size) == ("RGB", (30, 20))
    assert image.getpixel((5, 5)) == expected


def test_cmyk_is_converted(tmp_path):
    path = tmp_path / "bird.jpg"
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(path, quality=100)
    red, green, blue = read_image(path).getpixel((16, 16))
    assert red > 200
    assert max(green, blue) < 60


def test_a_turn_that_the_camera_noted_is_applied(tmp_path):
    path = tmp_path / "turned.jpg"
    image = Image.new("RGB", (40, 20), "white")
    image.paste("black", (0, 0, 10, 20))  # the left quarter
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(path, exif=exif, quality=100)
    upright = read_image(path)
    assert upright.size == (20, 40)
    assert upright.getpixel((10, 3))[0] < 50 < 200 < upright.getpixel((10, 30))[0]


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    path = tmp_path / "moving.webp"
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    assert read_image(path).getpixel((8, 8)) == (255, 0, 0)


def broken_files():
    good = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    yield "empty.jpg", b"", "it is empty or no image"
    yield "text.jpg", b"this is a note, not an image\n", "it is empty or no image"
    for suffix in ("jpg", "png", "webp"):
        yield f"cut.{suffix}", (good, suffix), ""


@pytest.mark.parametrize(("name", "content", "reason"), broken_files(), ids=lambda x: str(x)[:9])
def test_a_file_that_is_no_whole_image_is_named(tmp_path, name, content, reason):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        image, _ = content
        image.save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=name) as error:
        read_image(path)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("warnings", ["error", "ignore"])
@pytest.mark.parametrize("limit", [400, 900])  # Pillow itself refuses twice its limit, else warns
def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, limit, warnings):
    path = tmp_path / "bomb.png"
    Image.new("1", (30, 31)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    simplefilter(warnings)
    with pytest.raises(InputError, match=r"bomb\.png cannot be read \(it has too many pixels\)"):
        read_image(path)


def test_without_a_limit_of_pixels_images_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    draw(tmp_path / "bird.png", "red")
    assert read_image(tmp_path / "bird.png").size == (40, 30)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_a_missing_image_is_named(tmp_path, read):
    with pytest.raises(InputError, match=r"absent\.png is missing"):
        read(tmp_path / "absent.png")


@pytest.mark.parametrize("read", [read_image, image_size])
@pytest.mark.parametrize("instead", NO_FILE)
def test_what_is_no_file_is_refused_before_it_is_read(tmp_path, read, instead):
    path = tmp_path / "bird.png"
    draw(path, "red")
    PLACE[instead](path, Random(0))
    with pytest.raises(InputError, match=r"bird\.png"):
        read(path)


def test_the_checksums_of_a_png_are_compared(tmp_path):
    path = tmp_path / "bird.png"
    Image.effect_noise((64, 64), 50).save(path)
    content = path.read_bytes()
    for place in range(40, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(InputError, match=r"bird\.png cannot be read"):
            read_image(path)


def test_of_large_images_only_one_is_in_memory_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "LARGE", 30 * 20)
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for i, path in enumerate(paths):
        draw(path, (40 * i, 0, 0))  # 40 x 30 pixels
    small = tmp_path / "small.png"
    Image.new("RGB", (30, 20)).save(small)
    inside, most = [], []

    def look(path):
        with image_in_turn(path) as image:
            inside.append(path)
            most.append(len(inside))
            with image_in_turn(small):  # it does not wait
                pass
            inside.remove(path)
            return image.getpixel((0, 0))[0]

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(look, paths)) == [40 * i for i in range(6)]
    assert max(most) == 1
    paths[0].write_bytes(b"broken")
    with pytest.raises(InputError), image_in_turn(paths[0]):
        pass
    assert look(paths[1]) == 40  # the lock is free again


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A Ghostscript that only notes that it was run."""
    program, ran = tmp_path / "bin" / "gs", tmp_path / "ran"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{ran}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow searches once
    return ran


@pytest.mark.parametrize("name", ["9.jpg", "9.eps"])
@pytest.mark.parametrize("read", [read_image, image_size])
def test_postscript_is_refused_and_nothing_is_run(tmp_path, ghostscript, name, read):
    path = tmp_path / name
    path.write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\n"
        "(written) (w) file closefile showpage\n%%EOF\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=name) as error:
        read(path)
    assert "\n" not in str(error.value)
    assert not ghostscript.exists()


def test_another_format_than_the_name_says(tmp_path):
    Image.new("RGB", (8, 6), "red").save(tmp_path / "bird.jpg", format="PNG")
    assert read_image(tmp_path / "bird.jpg").getpixel((0, 0)) == (255, 0, 0)
    Image.new("RGB", (8, 6), "red").save(tmp_path / "moving.jpg", format="GIF")
    with pytest.raises(InputError, match=r"moving\.jpg"):
        read_image(tmp_path / "moving.jpg")


def test_of_the_photographs_that_a_telephone_puts_into_one_file_the_first_is_taken(tmp_path):
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "bird.jpg", format="MPO", save_all=True, append_images=[second])
    red, _, blue = read_image(tmp_path / "bird.jpg").getpixel((8, 8))
    assert blue < 10 < 240 < red


def test_the_size_is_read_from_the_header_alone(tmp_path):
    path = tmp_path / "bird.png"
    Image.effect_noise((300, 200), 50).save(path)
    path.write_bytes(path.read_bytes()[:100])
    assert image_size(path) == (300, 200)
    with pytest.raises(InputError, match=r"bird\.png"):
        read_image(path)


def quadrants():
    """64 x 48 pixels: red and green above, blue and white below."""
    image = Image.new("RGB", (64, 48))
    for colour, box in {
        (255, 0, 0): (0, 0, 32, 24),
        (0, 255, 0): (32, 0, 64, 24),
        (0, 0, 255): (0, 24, 32, 48),
        (255, 255, 255): (32, 24, 64, 48),
    }.items():
        image.paste(colour, box)
    return image


def test_the_whole_image_is_squashed_and_nothing_is_cut_off():
    (view,) = whole_image(quadrants(), 16, BICUBIC)
    assert view.shape == (3, 16, 16)
    assert view[:, 2, 2].tolist() == [255, 0, 0]
    assert view[:, 2, 13].tolist() == [0, 255, 0]
    assert view[:, 13, 2].tolist() == [0, 0, 255]
    as_large = Image.fromarray(view.permute(1, 2, 0).numpy())
    assert torch.equal(whole_image(as_large, 16, BICUBIC)[0], view)
    assert view[:, 13, 13].tolist() == [255, 255, 255]


def test_the_ten_crops_are_the_middle_the_corners_and_their_mirrors():
    crops = ten_crops(quadrants(), 28, BICUBIC)
    assert crops.shape == (10, 3, 28, 28)
    assert torch.equal(crops[5:], crops[:5].flip(3))
    # A crop is 42 of the 48 rows high; the seam between above and below shows where it lies.
    seam = [int((crop[0, :, 0] < 128).nonzero()[0]) for crop in crops[1:5]]
    assert seam == [16, 16, 12, 12]
    assert crops[1][:, 0, 0].tolist() == [255, 0, 0]  # top left
    assert crops[2][:, 0, -1].tolist() == [0, 255, 0]  # top right
    assert crops[3][:, -1, 0].tolist() == [0, 0, 255]  # bottom left
    assert crops[4][:, -1, -1].tolist() == [255, 255, 255]  # bottom right


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (500, 2), (224, 224)])
def test_images_of_any_form_have_ten_crops(size):
    crops = ten_crops(Image.new("RGB", size, (9, 8, 7)), 8, BICUBIC)
    assert crops.shape == (10, 3, 8, 8)
    assert (crops.flatten(2) == torch.tensor([9, 8, 7]).view(3, 1)).all()


def test_the_crops_of_a_256_pixel_image_are_its_224_pixel_windows():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    crops = ten_crops(image, 224, BICUBIC)
    for crop, (x, y) in zip(crops, [(16, 16), (0, 0), (32, 0), (0, 32), (32, 32)], strict=False):
        assert torch.equal(crop, pixels[:, y : y + 224, x : x + 224])


READ = """
import re, resource, sys
from pathlib import Path
from dse.images.views import read_image

used = int(re.search(r"VmData:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10
limit = used + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
read_image(Path(sys.argv[1]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")
def test_a_transparent_image_takes_less_than_four_copies_of_itself(tmp_path):
    side = 5000
    Image.new("RGBA", (side, side)).save(tmp_path / "large.png", compress_level=1)
    copy = 4 * side * side
    subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "large.png", str(7 * copy // 2)], check=True
    )
