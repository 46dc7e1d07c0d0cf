"""Networks of the size of YOLOv8s and YOLOv8m with random weights, for measuring: what a detector costs, not what it finds.

small() and medium() take [batch, 3, 640, 640] 0..1 and give [batch, 84, 8400] as the trained ones do.
"""
import torch
from torch import nn


class Conv(nn.Module):
    def __init__(self, c_in, c_out, kernel=1, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x):
        return self.act(self.conv(x))


class Block(nn.Module):
    def __init__(self, channels, add):
        super().__init__()
        self.first, self.second, self.add = Conv(channels, channels, 3), Conv(channels, channels, 3), add

    def forward(self, x):
        y = self.second(self.first(x))
        return x + y if self.add else y


class C2f(nn.Module):
    def __init__(self, c_in, c_out, depth, add=False):
        super().__init__()
        self.enter = Conv(c_in, c_out)
        self.blocks = nn.ModuleList(Block(c_out // 2, add) for _ in range(depth))
        self.leave = Conv((2 + depth) * (c_out // 2), c_out)

    def forward(self, x):
        parts = list(self.enter(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Pooling(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.enter, self.leave = Conv(channels, channels // 2), Conv(channels * 2, channels)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Yolo(nn.Module):
    def __init__(self, width, depth, most, classes=80):
        super().__init__()
        w = [int(min(c, most) * width) for c in (64, 128, 256, 512, 1024)]
        d = [max(1, round(n * depth)) for n in (3, 6, 6, 3)]
        self.p2 = nn.Sequential(Conv(3, w[0], 3, 2), Conv(w[0], w[1], 3, 2), C2f(w[1], w[1], d[0], True))
        self.p3 = nn.Sequential(Conv(w[1], w[2], 3, 2), C2f(w[2], w[2], d[1], True))
        self.p4 = nn.Sequential(Conv(w[2], w[3], 3, 2), C2f(w[3], w[3], d[2], True))
        self.p5 = nn.Sequential(Conv(w[3], w[4], 3, 2), C2f(w[4], w[4], d[3], True), Pooling(w[4]))
        self.up = nn.Upsample(scale_factor=2.0, mode="nearest")
        self.down4, self.down3 = C2f(w[4] + w[3], w[3], d[0]), C2f(w[3] + w[2], w[2], d[0])
        self.to4, self.up4 = Conv(w[2], w[2], 3, 2), C2f(w[2] + w[3], w[3], d[0])
        self.to5, self.up5 = Conv(w[3], w[3], 3, 2), C2f(w[3] + w[4], w[4], d[0])
        sides, kinds = max(16, w[2] // 4, 64), max(w[2], min(classes, 100))
        self.box = nn.ModuleList(nn.Sequential(Conv(c, sides, 3), Conv(sides, sides, 3), nn.Conv2d(sides, 64, 1)) for c in w[2:])
        self.kind = nn.ModuleList(nn.Sequential(Conv(c, kinds, 3), Conv(kinds, kinds, 3), nn.Conv2d(kinds, classes, 1)) for c in w[2:])
        for head in self.kind:
            nn.init.constant_(head[-1].bias, -5.0)
        points, strides = [], []
        for s in (8, 16, 32):
            y, x = torch.meshgrid(torch.arange(640 // s) + 0.5, torch.arange(640 // s) + 0.5, indexing="ij")
            points.append(torch.stack([x, y]).reshape(2, -1) * s)
            strides.append(torch.full((x.numel(),), float(s)))
        self.register_buffer("points", torch.cat(points, 1))
        self.register_buffer("strides", torch.cat(strides))
        self.register_buffer("steps", torch.arange(16).float())

    def forward(self, x):
        p3 = self.p3(self.p2(x))
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.down4(torch.cat([self.up(p5), p4], 1))
        n3 = self.down3(torch.cat([self.up(n4), p3], 1))
        n4 = self.up4(torch.cat([self.to4(n3), n4], 1))
        n5 = self.up5(torch.cat([self.to5(n4), p5], 1))
        levels = (n3, n4, n5)
        boxes = torch.cat([head(level).flatten(2) for head, level in zip(self.box, levels)], 2)
        kinds = torch.cat([head(level).flatten(2) for head, level in zip(self.kind, levels)], 2)
        batch, _, anchors = boxes.shape
        sides = boxes.view(batch, 4, 16, anchors).softmax(2)
        left, top, right, bottom = ((sides * self.steps.view(1, 1, 16, 1)).sum(2) * self.strides).unbind(1)
        x0, y0, x1, y1 = self.points[0] - left, self.points[1] - top, self.points[0] + right, self.points[1] + bottom
        box = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], 1)
        return torch.cat([box, kinds.sigmoid()], 1)


def small():
    torch.manual_seed(0)
    return Yolo(0.5, 0.33, 1024)


def medium():
    torch.manual_seed(0)
    return Yolo(0.75, 0.67, 768)
