"""Task-aligned assignment and the loss: BCE on classes, complete IoU and bin cross-entropy on boxes."""
import torch
import torch.nn.functional as F

from .model import BINS

TOP, ALPHA, BETA = 10, 0.5, 6.0
BOX_GAIN, KIND_GAIN, BIN_GAIN = 7.5, 0.5, 1.5


def complete_iou(a, b):
    """CIoU of boxes (..., 4) as corners."""
    wa, ha = (a[..., 2] - a[..., 0]).clamp(min=1e-4), (a[..., 3] - a[..., 1]).clamp(min=1e-4)
    wb, hb = (b[..., 2] - b[..., 0]).clamp(min=1e-4), (b[..., 3] - b[..., 1]).clamp(min=1e-4)
    over_w = (torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])).clamp(min=0)
    over_h = (torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])).clamp(min=0)
    inter = over_w * over_h
    iou = inter / (wa * ha + wb * hb - inter + 1e-7)
    cw = torch.maximum(a[..., 2], b[..., 2]) - torch.minimum(a[..., 0], b[..., 0])
    ch = torch.maximum(a[..., 3], b[..., 3]) - torch.minimum(a[..., 1], b[..., 1])
    far = ((a[..., 0] + a[..., 2] - b[..., 0] - b[..., 2]) ** 2 + (a[..., 1] + a[..., 3] - b[..., 1] - b[..., 3]) ** 2) / 4
    shape = (4 / torch.pi**2) * (torch.atan(wb / hb) - torch.atan(wa / ha)) ** 2
    with torch.no_grad():
        weight = shape / (shape - iou + 1 + 1e-7)
    return iou - far / (cw**2 + ch**2 + 1e-7) - shape * weight


@torch.no_grad()
def assign(scores, boxes, points, kinds, truth, present):
    """Matches anchors to true boxes. scores [b, a, c] probabilities, boxes [b, a, 4], kinds [b, m] long, truth [b, m, 4],
    present [b, m] bool. Returns target scores [b, a, c], target boxes [b, a, 4] and the matched mask [b, a]."""
    b, a, c = scores.shape
    m = truth.shape[1]
    low, high = truth[:, :, None, :2], truth[:, :, None, 2:]
    inside = (torch.minimum(points - low, high - points).amin(-1) > 1e-6) & present[..., None]
    iou = complete_iou(truth[:, :, None], boxes[:, None]).clamp(min=0) * inside
    of_kind = torch.gather(scores.transpose(1, 2), 1, kinds[..., None].expand(b, m, a))
    metric = of_kind.clamp(min=0) ** ALPHA * iou**BETA * inside
    best, index = metric.topk(TOP, dim=-1)
    chosen = torch.zeros_like(metric).scatter_(-1, index, 1.0)
    chosen = (chosen > 0) & inside & (metric > 1e-12)
    # A box too small to hold an anchor centre's prediction yet still gets its nearest anchors, so that learning can start.
    none_yet = (chosen.sum(-1) == 0) & present
    near = ((points - (low + high) / 2) ** 2).sum(-1) + torch.where(inside, 0.0, 1e6)
    nearest = torch.zeros_like(chosen).scatter_(-1, near.argmin(-1, keepdim=True), True)
    chosen |= nearest & none_yet[..., None]
    shared = chosen.sum(1, keepdim=True) > 1
    winner = F.one_hot((iou - (~chosen) * 1e3).argmax(1), m).permute(0, 2, 1).bool()
    chosen = torch.where(shared, winner & chosen, chosen)
    matched = chosen.any(1)
    owner = chosen.float().argmax(1)
    target_boxes = torch.gather(truth, 1, owner[..., None].expand(b, a, 4))
    target_kinds = torch.gather(kinds, 1, owner)
    metric = metric * chosen
    peak = metric.amax(-1, keepdim=True)
    peak_iou = (iou * chosen).amax(-1, keepdim=True)
    strength = torch.where(peak > 1e-12, metric / (peak + 1e-12) * peak_iou, chosen * 0.1).amax(1)
    target_scores = F.one_hot(target_kinds, c).float() * (strength * matched)[..., None]
    return target_scores, target_boxes, matched


def loss(model, boxes, logits, kinds, truth, present):
    """Total loss and its three parts (floats as tensors). boxes and logits are Detector.raw's outputs in float32."""
    points, strides = model.points, model.strides
    sides = model.sides(boxes) * strides
    predicted = torch.cat([points.t() - sides[:, :2], points.t() + sides[:, 2:]], 1).transpose(1, 2)
    logits = logits.transpose(1, 2)
    target_scores, target_boxes, matched = assign(logits.detach().sigmoid(), predicted.detach(), points, kinds, truth, present)
    total = target_scores.sum().clamp(min=1.0)
    kind_loss = F.binary_cross_entropy_with_logits(logits, target_scores, reduction="sum") / total
    weight = target_scores.sum(-1) * matched
    box_loss = ((1 - complete_iou(predicted, target_boxes)) * weight).sum() / total
    wanted = torch.cat([points - target_boxes[..., :2], target_boxes[..., 2:] - points], -1) / strides[:, None]
    bin_loss = (_bin_entropy(boxes, wanted) * weight).sum() / total
    return KIND_GAIN * kind_loss + BOX_GAIN * box_loss + BIN_GAIN * bin_loss, kind_loss.detach(), box_loss.detach(), bin_loss.detach()


def _bin_entropy(boxes, wanted):
    """Cross-entropy of each side's distribution against the two bins around the wanted distance, [b, a]."""
    b, _, a = boxes.shape
    logs = boxes.reshape(b, 4, BINS, a).log_softmax(2)
    wanted = wanted.transpose(1, 2).clamp(0, BINS - 1.01)
    low = wanted.floor().long()
    share = wanted - low
    first = torch.gather(logs, 2, low[:, :, None])[:, :, 0]
    second = torch.gather(logs, 2, low[:, :, None] + 1)[:, :, 0]
    return -(first * (1 - share) + second * share).mean(1)
