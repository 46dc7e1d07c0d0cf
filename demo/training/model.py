"""The detector: a small convolutional backbone, a feature pyramid and one anchor-free head for each of three strides.

The exported graph takes float32 [batch, 3, 288, 512] RGB 0..1 and gives float32 [batch, 4 + classes, 3024]: rows cx, cy, w, h
in network pixels, then one probability for each class (the YOLOv8 layout). ReLU rather than SiLU: it fuses into the
convolution in every engine, which on one CPU core is worth more than the last point of accuracy.
"""
import torch
from torch import nn

WIDTH, HEIGHT = 512, 288
STRIDES = (8, 16, 32)
BINS = 12  # a box side is a distribution over 0..11 strides from its anchor


class Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, c_in, c_out, kernel=1, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, channels, add):
        super().__init__()
        self.first, self.second, self.add = Conv(channels, channels, 3), Conv(channels, channels, 3), add

    def forward(self, x):
        y = self.second(self.first(x))
        return x + y if self.add else y


class Stage(nn.Module):
    """Cross-stage block: two narrow views of the input, one refined `depth` times, all of them joined.
    Two convolutions rather than one and a split: CPU engines keep their blocked layout that way."""

    def __init__(self, c_in, c_out, depth, add=True):
        super().__init__()
        half = c_out // 2
        self.keep, self.enter = Conv(c_in, half), Conv(c_in, half)
        self.blocks = nn.ModuleList(Residual(half, add) for _ in range(depth))
        self.leave = Conv((2 + depth) * half, c_out)

    def forward(self, x):
        parts = [self.keep(x), self.enter(x)]
        for block in self.blocks:
            parts.append(block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Pooling(nn.Module):
    """Three pooled copies side by side: a wide field of view at the coarsest stride."""

    def __init__(self, channels):
        super().__init__()
        self.enter, self.leave = Conv(channels, channels // 2), Conv(channels * 2, channels)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Head(nn.Module):
    """Separate branches for box sides and classes at one stride."""

    def __init__(self, channels, classes, hidden):
        super().__init__()
        self.box = nn.Sequential(Conv(channels, hidden, 3), nn.Conv2d(hidden, 4 * BINS, 1))
        self.kind = nn.Sequential(Conv(channels, hidden, 3), nn.Conv2d(hidden, classes, 1))
        nn.init.constant_(self.box[-1].bias, 1.0)
        nn.init.constant_(self.kind[-1].bias, -5.0)

    def forward(self, x):
        return self.box(x), self.kind(x)


def anchors():
    """Anchor centres in network pixels (3024, 2) and the stride of each (3024,)."""
    points, strides = [], []
    for s in STRIDES:
        y, x = torch.meshgrid(torch.arange(HEIGHT // s) + 0.5, torch.arange(WIDTH // s) + 0.5, indexing="ij")
        points.append(torch.stack([x, y], -1).reshape(-1, 2) * s)
        strides.append(torch.full((x.numel(),), float(s)))
    return torch.cat(points), torch.cat(strides)


class Detector(nn.Module):
    """Gives raw box distributions [batch, 4 * BINS, anchors] and class logits while training, decoded rows otherwise."""

    def __init__(self, classes, widths=(16, 16, 32, 96, 160), depths=(1, 2, 2, 1), hidden=(32, 32, 32)):
        super().__init__()
        w0, w1, w2, w3, w4 = widths
        self.stem = Conv(3, w0, 3, 2)
        self.stage1 = nn.Sequential(Conv(w0, w1, 3, 2), Stage(w1, w1, depths[0]))
        self.stage2 = nn.Sequential(Conv(w1, w2, 3, 2), Stage(w2, w2, depths[1]))
        self.stage3 = nn.Sequential(Conv(w2, w3, 3, 2), Stage(w3, w3, depths[2]))
        self.stage4 = nn.Sequential(Conv(w3, w4, 3, 2), Stage(w4, w4, depths[3]), Pooling(w4))
        self.up = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.top_down3 = Stage(w4 + w3, w3, 1, add=False)
        self.top_down2 = Stage(w3 + w2, w2, 1, add=False)
        self.down2, self.bottom_up3 = Conv(w2, w2, 3, 2), Stage(w2 + w3, w3, 1, add=False)
        self.down3, self.bottom_up4 = Conv(w3, w3, 3, 2), Stage(w3 + w4, w4, 1, add=False)
        self.heads = nn.ModuleList(Head(w, classes, h) for w, h in zip((w2, w3, w4), hidden))
        self.classes = classes
        points, strides = anchors()
        self.register_buffer("points", points)
        self.register_buffer("strides", strides)
        self.register_buffer("steps", torch.arange(BINS).float())

    def features(self, x):
        p2 = self.stage2(self.stage1(self.stem(x)))
        p3 = self.stage3(p2)
        p4 = self.stage4(p3)
        n3 = self.top_down3(torch.cat([self.up(p4), p3], 1))
        n2 = self.top_down2(torch.cat([self.up(n3), p2], 1))
        m3 = self.bottom_up3(torch.cat([self.down2(n2), n3], 1))
        m4 = self.bottom_up4(torch.cat([self.down3(m3), p4], 1))
        return n2, m3, m4

    def raw(self, x):
        boxes, kinds = [], []
        for head, feature in zip(self.heads, self.features(x)):
            box, kind = head(feature)
            boxes.append(box.flatten(2))
            kinds.append(kind.flatten(2))
        return torch.cat(boxes, 2), torch.cat(kinds, 2)

    def sides(self, boxes):
        """Left, top, right, bottom distances in strides, [batch, 4, anchors]."""
        spread = boxes.reshape(-1, 4, BINS, self.points.shape[0]).softmax(2)
        return (spread * self.steps.view(1, 1, BINS, 1)).sum(2)

    def forward(self, x):
        boxes, kinds = self.raw(x)
        if self.training:
            return boxes, kinds
        low, high = self.sides(boxes).chunk(2, 1)
        points, strides = self.points.t().unsqueeze(0), self.strides.view(1, 1, -1)
        centre = points + (high - low) * 0.5 * strides
        return torch.cat([centre, (low + high) * strides, kinds.sigmoid()], 1)


def fuse(model):
    """Folds every batch norm into its convolution, in place, for export."""
    for module in model.modules():
        if isinstance(module, Conv) and not isinstance(module.norm, nn.Identity):
            module.conv = torch.nn.utils.fuse_conv_bn_eval(module.conv.eval(), module.norm.eval())
            module.norm = nn.Identity()
    return model


def multiply_adds(model):
    """Multiply-adds of all convolutions for one frame."""
    total = []

    def count(module, _, out):
        total.append(out.numel() * module.weight[0].numel())

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d)]
    training = model.training
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, HEIGHT, WIDTH, device=next(model.parameters()).device))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return sum(total)
