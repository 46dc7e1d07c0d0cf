"""Traffic that repeats: road users follow paths, keep their distance, obey signals, and after one period all is as before.

Every road user of a clip enters its path once in each period. The same schedule with the same start gives the same
motion, so after a few periods of warm-up one more period joins its own beginning: the clip loops.
"""
from dataclasses import dataclass, field

import numpy as np

from .paths import Path
from .people import Bike, Look, cyclist, walker
from .thing import LABELS, Thing
from . import vehicles

STEP = 1 / 30          # seconds of simulation
GAP, HEADWAY = 2.0, 1.0      # metres and seconds kept to the one ahead
ACCELERATION, COMFORT, HARDEST = 1.8, 2.5, 6.5  # m/s2: speeding up, usual and strongest braking
FAR = (1e3, 1e3)             # free road: metres to what is ahead, and its speed


@dataclass
class Entry:
    """One road user's plan: enters `path` at `start` seconds of each period with `speed` m/s as its wish."""

    kind: str
    path: Path
    start: float
    speed: float
    aside: float = 0.0
    halts: list = field(default_factory=list)   # (metres along the path, seconds)
    model: tuple = None                          # (mesh, size) or look and bike


@dataclass
class Mover:
    entry: Entry
    s: float
    v: float
    walked: float = 0.0
    done_halts: int = 0
    halt_left: float = 0.0
    braking: bool = False


@dataclass
class Signals:
    """Green times of each phase within the period: phase -> list of (from, to) seconds."""

    green: dict

    def go(self, phase, time):
        return phase is None or any(a <= time < b for a, b in self.green[phase])

    def color(self, phase, time):
        if self.go(phase, time):
            return "green"
        return "amber" if any(b <= time < b + 2.5 for _, b in self.green[phase]) else "red"


def dress(entry, rng):
    """Gives an entry its looks."""
    if entry.kind in vehicles.MAKERS:
        entry.model = vehicles.MAKERS[entry.kind](rng)
    else:
        entry.model = (Look.random(rng), Bike.random(rng))
    return entry


def _length(entry):
    return {"person": 0.5, "bicycle": 1.8}.get(entry.kind) or entry.model[1][0]


class Traffic:
    def __init__(self, entries, period, signals=None, warm_up=4):
        self.entries, self.period, self.signals = entries, period, signals
        self.movers, self._ticks = [m for e in entries for m in self._under_way(e)], 0
        for _ in range(int(round(warm_up * period / STEP))):
            self.step()

    @property
    def time(self):
        """Seconds since the start; counted in whole steps, so that every period is exactly like the one before."""
        return self._ticks * STEP

    def _under_way(self, entry):
        """Where those who entered in earlier periods would be at the start if nothing had held them up."""
        s = entry.speed * (self.period - entry.start)
        while s < entry.path.length:
            if entry.path.stop is None or not entry.path.stop - 20 < s < entry.path.stop + 25:
                yield Mover(entry, s, entry.speed, s, sum(s > at for at, _ in entry.halts))
            s += entry.speed * self.period

    def step(self):
        tick = self._ticks % round(self.period / STEP)
        clock = tick * STEP
        self.movers += [Mover(e, 0.0, e.speed) for e in self.entries if round(e.start / STEP) % round(self.period / STEP) == tick]
        places = [m.entry.path.at(m.s, m.entry.aside) for m in self.movers]
        pulls = [self._pull(i, places, clock) for i in range(len(self.movers))]
        for mover, pull in zip(self.movers, pulls):
            self._advance(mover, pull)
        self.movers = [m for m in self.movers if m.s < m.entry.path.length + 6]
        self._ticks += 1

    def _advance(self, mover, pull):
        mover.braking = mover.entry.kind != "person" and (pull < -0.6 or mover.v < 0.4)
        mover.v = max(0.0, mover.v + pull * STEP)
        mover.s += mover.v * STEP
        mover.walked += mover.v * STEP
        if mover.halt_left > 0 and mover.v < 0.15:
            mover.halt_left -= STEP
            if mover.halt_left <= 0:
                mover.done_halts += 1

    def _pull(self, i, places, clock):
        """Acceleration of mover i: towards its wished speed, held back by whatever is ahead (intelligent driver model)."""
        mover, entry = self.movers[i], self.movers[i].entry
        wish = max(entry.speed * _bend(entry, mover.s), 0.1)
        ahead = [self._signal(mover, clock), self._halt(mover)]
        if entry.kind == "person":
            wish = 0.0 if min(room for room, _ in ahead) < 0.25 else wish
            return float(np.clip((wish - mover.v) / 0.25, -4, 3))
        ahead += self._others_ahead(i, places)
        free = 1 - (mover.v / wish) ** 4
        held = max(((GAP + max(0.0, mover.v * HEADWAY + mover.v * (mover.v - speed) / (2 * np.sqrt(ACCELERATION * COMFORT)))) / max(room, 0.2)) ** 2 for room, speed in ahead)
        return float(np.clip(ACCELERATION * (free - held), -HARDEST, ACCELERATION))

    def _signal(self, mover, clock):
        """A red light ahead that can still be obeyed, as (free metres, 0)."""
        stop, nose = mover.entry.path.stop, mover.s + _length(mover.entry) / 2
        if stop is None or not self.signals or nose > stop + 0.3 or self.signals.go(mover.entry.path.phase, clock):
            return FAR
        too_late = stop - nose < mover.v**2 / (2 * HARDEST) - 1.0
        return FAR if too_late else (stop - nose + (0 if mover.entry.kind == "person" else GAP * 0.8), 0.0)

    def _halt(self, mover):
        """The next planned halt."""
        if mover.done_halts >= len(mover.entry.halts):
            return FAR
        at, seconds = mover.entry.halts[mover.done_halts]
        if mover.halt_left <= 0 and at - mover.s < 6:
            mover.halt_left = seconds
        return max(at - mover.s, 0.0) + GAP * 0.8, 0.0

    def _others_ahead(self, i, places):
        """Road users in the way of mover i, each as (free metres, speed along)."""
        mover = self.movers[i]
        x, y, _ = places[i]
        reach = 14 + mover.v * 3.2
        found = []
        for j, other in enumerate(self.movers):
            ox, oy, oyaw = places[j]
            if abs(ox - x) > reach or abs(oy - y) > reach or j == i:
                continue
            if other.entry.kind == "person":
                ahead, _ = self._along(mover, ox, oy, 6 + mover.v * 2.5, 2.1 if mover.entry.kind != "bicycle" else 0.9)
                if ahead is not None:
                    found.append((max(ahead - _length(mover.entry) / 2 - 0.5, 0.0), 0.0))
                continue
            if other.entry.path is mover.entry.path:
                ahead, aside = other.s - mover.s, other.entry.aside - mover.entry.aside
            else:
                ahead, aside = self._along(mover, ox, oy, reach)
                if ahead is None or np.cos(oyaw - mover.entry.path.at(mover.s + ahead)[2]) < 0.4:
                    continue
            if ahead > 0.1 and abs(aside) < 1.3:
                found.append((max(ahead - (_length(other.entry) + _length(mover.entry)) / 2, 0.0), other.v))
        return found

    def _along(self, mover, ox, oy, reach, wide=1.3):
        """Where (ox, oy) lies along the next metres of a mover's path: distance ahead and aside."""
        path = mover.entry.path
        low, high = int(mover.s * 2), int((mover.s + reach) * 2)
        part = path.points[max(low, 0):max(high, 1)]
        if not len(part):
            return None, None
        d = np.hypot(part[:, 0] - ox, part[:, 1] - oy)
        k = int(d.argmin())
        return (None, None) if d[k] > wide or k == 0 else (k / 2, d[k])

    def things(self, light):
        """Everybody as Things, at this moment."""
        return [self._thing(m, light) for m in self.movers]

    def _thing(self, mover, light):
        entry = mover.entry
        x, y, yaw = entry.path.at(mover.s, entry.aside)
        label = LABELS.index(entry.kind)
        lamps = light.night > 0.1 or light.wet > 0
        if entry.kind == "person":
            look = entry.model[0]
            stride = min(1.0, mover.v / 1.2)
            mesh, limbs, size = walker(look, mover.walked * 2 * np.pi / (1.45 * look.height / 1.72), stride)
            return Thing(x, y, yaw, size, mesh=mesh, limbs=limbs, label=label)
        if entry.kind == "bicycle":
            mesh, limbs, size, rings = cyclist(*entry.model, -mover.walked * 2 * np.pi / 5.0)
            return Thing(x, y, yaw, size, mesh=mesh, limbs=limbs, rings=rings, label=label)
        mesh, size = entry.model
        return Thing(x, y, yaw, size, mesh=mesh, label=label, lamps_on=lamps, braking=mover.braking)


def _bend(entry, s):
    """Share of the wished speed that the coming bend allows."""
    path, look = entry.path, 5.0
    if path.straight:
        return 1.0
    turn = abs(path.at(min(s + look, path.length))[2] - path.at(s)[2]) if 0 <= s < path.length else 0.0
    return 1.0 if turn < 0.12 else max(0.38, 1.0 - turn * 0.75)
