"""Feature extraction: right, in order, a batch at a time, on a CPU and on a GPU."""

import threading

import pytest
import torch
from PIL import Image

from dse.images import views as views_module
from dse.images.encoders import ImageEncoder, load_image_encoder
from dse.images.features import BATCH_SIZE, GPU_BATCH_SIZE, extract_features
from dse.utils.errors import InputError


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Encoders say that they are on a GPU, and compute on the CPU; the sizes of their batches."""
    sizes = []

    def encode(self, pixels):
        sizes.append(len(pixels))
        return self.network(self.normalise(pixels))

    monkeypatch.setattr(ImageEncoder, "device", torch.device("cuda"))
    monkeypatch.setattr(ImageEncoder, "encode", encode)
    return sizes


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("views", [1, 10])
def test_features_come_in_the_order_of_the_files(images, mean_colour, views, device, request):
    if device == "gpu":
        request.getfixturevalue("pretended_gpu")
    features = extract_features(images, mean_colour, views)
    assert features.shape == (70, views, 3)
    expected = torch.tensor([[3 * i, 255 - i, 7] for i in range(70)]) / 255
    torch.testing.assert_close(features, expected[:, None].expand(-1, views, -1))
    assert extract_features([], mean_colour, views).shape == (0, views, 3)


@pytest.mark.parametrize("views", [1, 10])
def test_a_thread_holds_one_batch_of_pixels(images, mean_colour, views, monkeypatch):
    in_hand, most, threads = 0, 0, torch.get_num_threads()

    def read(path):
        nonlocal in_hand, most
        in_hand += views
        most = max(most, in_hand)
        return Image.new("RGB", (8, 8))

    def encode(self, pixels):
        nonlocal in_hand
        assert torch.get_num_threads() == 1
        in_hand -= len(pixels)
        return torch.zeros(len(pixels), 3)

    monkeypatch.setattr(views_module, "read_image", read)
    monkeypatch.setattr(type(mean_colour), "encode", encode)
    extract_features(images, mean_colour, views)
    assert in_hand == 0
    assert most <= threads * max(BATCH_SIZE, views)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("views", "sizes"), [(1, [64, 6]), (10, [60] * 11 + [40])])
def test_a_gpu_encodes_larger_batches(images, mean_colour, pretended_gpu, views, sizes):
    extract_features(images, mean_colour, views)
    assert pretended_gpu == sizes
    assert max(sizes) <= GPU_BATCH_SIZE


def test_at_most_the_next_batch_waits_for_a_gpu(images, mean_colour, pretended_gpu, monkeypatch):
    decoded, most = 0, 0
    read, encode = views_module.read_image, ImageEncoder.encode
    lock = threading.Lock()

    def counted(path):
        nonlocal decoded
        with lock:
            decoded += 10
        return read(path)

    def encode_and_compare(self, pixels):
        nonlocal most
        features = encode(self, pixels)
        most = max(most, decoded - sum(pretended_gpu))
        return features

    monkeypatch.setattr(views_module, "read_image", counted)
    monkeypatch.setattr(ImageEncoder, "encode", encode_and_compare)
    extract_features(images, mean_colour, views=10)
    assert most <= 60


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_broken_image_is_named(images, mean_colour, device, request):
    if device == "gpu":
        request.getfixturevalue("pretended_gpu")
    images[50].write_bytes(b"broken")
    with pytest.raises(InputError, match=r"50\.png cannot be read"):
        extract_features(images, mean_colour)


def threads_of_a_new_thread() -> int:
    counts = []
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return counts[0]


@pytest.mark.parametrize("broken", [False, True])
def test_the_process_keeps_its_number_of_threads(images, mean_colour, broken):
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # a machine with one processor would show nothing
    try:
        if broken:
            images[50].write_bytes(b"broken")
            with pytest.raises(InputError, match=r"50\.png"):
                extract_features(images, mean_colour)
        else:
            extract_features(images, mean_colour)
        assert (torch.get_num_threads(), threads_of_a_new_thread()) == (2, 2)
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
@pytest.mark.parametrize("views", [1, 10])
def test_a_gpu_gives_the_features_of_the_cpu(images, precision, views):
    expected = extract_features(images, load_image_encoder("fieldguide"), views)
    encoder = load_image_encoder("fieldguide", "cuda", precision)
    features = extract_features(images, encoder, views)
    assert (features.dtype, features.device.type) == (torch.float32, "cpu")
    # TF32 and float16 round to 11 significant bits, bfloat16 to 8
    error = (features - expected).norm() / expected.norm()
    assert error < (0.05 if precision == "bf16-mixed" else 0.01)
