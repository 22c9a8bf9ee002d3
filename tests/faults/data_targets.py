"""The formats of data files, each with small valid files and the way in which `dse` reads them."""

from pathlib import Path

from PIL import Image

from dse.datasets import read_dataset
from faults.campaign import Reading, Target
from faults.corruptions import PLACE, TEXT

BIRDS = ("001.Red_Bird", "002.Blue_Bird", "003.Green_Bird", "004.Grey_Bird", "005.Pink_Bird")


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def draw(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), (40 * number % 256, 200, 7)).save(path)


def cub(root: Path) -> None:
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    images, labels = "", ""
    for number in range(10):
        name, picture = BIRDS[number // 2], f"{BIRDS[number // 2]}/Bird_{number}"
        draw(birds / "images" / f"{picture}.jpg", number)
        write(texts / "text_c10" / f"{picture}.txt", f"this bird is {name[4:-5].lower()}.\n" * 10)
        images += f"{number + 1} {picture}.jpg\n"
        labels += f"{number + 1} {number // 2 + 1}\n"
    write(birds / "images.txt", images)
    write(birds / "image_class_labels.txt", labels)
    write(birds / "classes.txt", "".join(f"{c} {name}\n" for c, name in enumerate(BIRDS, 1)))
    attributes = "".join(f"{10 * c} 0.5 {c}.25\n" for c in range(1, 6))
    write(birds / "attributes/class_attribute_labels_continuous.txt", attributes)
    for split, own in (("train", (0, 1)), ("val", (2,)), ("trainval", (0, 1, 2)), ("test", (3, 4))):
        write(texts / f"{split}classes.txt", "".join(f"{BIRDS[c]}\n" for c in own))


def reads(name: str):
    """Read a data set as `dse train` does."""

    def read(root: Path) -> Reading:
        data = read_dataset(name, root)
        return Reading(data.fingerprint(), data.notes)

    return read


TARGETS = [
    Target(f"CUB {file.rpartition('/')[2]}", cub, file, reads("cub"), TEXT | PLACE)
    for file in (
        "CUB_200_2011/classes.txt",
        "CUB_200_2011/images.txt",
        "CUB_200_2011/image_class_labels.txt",
        "CUB_200_2011/attributes/class_attribute_labels_continuous.txt",
        "cvpr2016_cub/trainvalclasses.txt",
        "cvpr2016_cub/testclasses.txt",
        "cvpr2016_cub/trainclasses.txt",
        "cvpr2016_cub/valclasses.txt",
        "cvpr2016_cub/text_c10/*/*.txt",
    )
]
