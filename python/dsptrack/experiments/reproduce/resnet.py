"""ResNet-18 for 32 x 32 images, in PyTorch, which is imported by whoever calls."""

from typing import Any

# Modules of the last residual block and the classifier: the analog part in the paper.
ANALOG = ("blocks.7.conv1", "blocks.7.conv2", "classifier")


def resnet18(torch: Any, *, width: int, classes: int) -> Any:
    """Return the network: a 3 x 3 convolution, eight blocks of two in four stages, a mean over the image, a classifier.

    Source: He et al., CVPR 2016, with the stem that is usual for 32 x 32 images: no stride, no pooling.
    """
    nn, relu = torch.nn, torch.nn.functional.relu

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        """Two 3 x 3 convolutions beside a shortcut."""

        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
            self.norm1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
            self.norm2 = nn.BatchNorm2d(outputs)
            self.shortcut = (
                nn.Identity()
                if stride == 1 and inputs == outputs
                else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
            )

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
            return relu(y + self.shortcut(x))

    class ResNet18(nn.Module):  # type: ignore[name-defined, misc]
        """Stem, blocks, classifier."""

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
            sizes = [width * 2**stage for stage in (0, 0, 0, 1, 1, 2, 2, 3, 3)]
            strides = [1, 1, 2, 1, 2, 1, 2, 1]
            self.blocks = nn.Sequential(
                *(Block(a, b, stride) for a, b, stride in zip(sizes[:-1], sizes[1:], strides, strict=True))
            )
            self.classifier = nn.Linear(8 * width, classes)

        def forward(self, x: Any) -> Any:
            return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))

    return ResNet18()
