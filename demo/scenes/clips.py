"""The four demo clips: places, cameras and timetables that training never saw. Writes H.264 in MP4.

usage: python3 -m scenes.clips [--out DIR] [--clip NAME] [--still SECONDS FILE.png]   (run in demo/)

Needs numpy, opencv and gst-launch-1.0 with x264enc. Each clip is 1280x720 at 15 frames a second and loops.
"""
import argparse
import os
import subprocess
import sys

import cv2
import numpy as np

from . import layouts, scenery
from .camera import Camera
from .light import make_light
from .paths import Path
from .sampler import make_person, make_vehicle
from .traffic import Entry, Signals, Traffic, dress
from .view import View
from .weather import finish

WIDTH, HEIGHT, RATE = 1280, 720, 15
SIM_STEPS = 2  # simulation steps in one frame


class Clip:
    """A view, its traffic and the camera's faults."""

    seed, seconds, kilobits, signals, clear = 0, 24, 900, None, 10.0

    def __init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.light = self.make_light()
        self.layout = self.make_layout()
        camera = self.make_camera()
        self._clear(camera)
        self.view = View(self.layout, camera, self.light, self.rng)
        self.parked = self.make_parked()
        self.traffic = Traffic([dress(e, self.rng) for e in self.timetable()], self.seconds, self.signals)

    def _clear(self, camera):
        """Takes away posts and trees that would stand right before the lens."""
        def near(thing):
            return thing.limbs is not None and np.hypot(thing.x - camera.position[0], thing.y - camera.position[1]) < self.clear

        self.layout.things = [t for t in self.layout.things if not near(t)]

    def make_parked(self):
        return []

    def fixed(self, clock):
        """Things that change without moving, such as signals."""
        return []

    def picture(self):
        clock = self.traffic.time % self.seconds
        moving = self.traffic.things(self.light) + self.parked + self.fixed(clock)
        frame, _ = self.view.frame(moving)
        return finish(frame, self.light, self.rng, noise=0, contrast=1.04)

    def frames(self):
        for _ in range(self.seconds * RATE):
            yield self.picture()
            for _ in range(SIM_STEPS):
                self.traffic.step()


def _stream(rng, kinds, path, period, count, speed, jitter=0.25, **more):
    """`count` entries spread over one period on a path."""
    gap = period / count
    first = rng.uniform(0, gap)
    return [Entry(str(k), path, (first + i * gap + rng.uniform(-jitter, jitter) * gap) % period, speed, **more) for i, k in enumerate(kinds)]


def _visible_part(path):
    """The part of a pavement along x that the camera sees, so that nobody is simulated for nothing."""
    return Path(np.clip(path.points[[0, -1]], (-26.0, -99.0), (95.0, 99.0)), path.kind)


class Highway(Clip):
    """A motorway from an overpass on a sunny day."""

    seed, seconds, kilobits = 2_000_001, 24, 850

    def make_light(self):
        light = make_light("sunny", self.rng)
        light.sun = np.array([0.35, -0.6, 0.72])
        return light

    def make_layout(self):
        return layouts.highway(self.rng, lanes=3)

    def make_camera(self):
        return Camera((-42.0, -3.0, 8.2), 0.0, 0.235, 0.92, WIDTH, HEIGHT)

    def timetable(self):
        entries = []
        for lane, path in enumerate(p for p in self.layout.paths if p.kind == "motor"):
            row = lane % 3
            count, speed = (10, 29.0) if row == 0 else (8, 25.5) if row == 1 else (6, 22.0)
            chance = (1, 0, 0) if row == 0 else (0.75, 0.15, 0.1) if row == 1 else (0.3, 0.5, 0.2)
            kinds = self.rng.choice(["car", "truck", "bus"], size=count, p=chance)
            entries += _stream(self.rng, kinds, path, self.seconds, count, speed)
        return entries


class Junction(Clip):
    """A city junction with signals and zebra crossings under a cloudy sky."""

    seed, seconds, kilobits = 2_000_002, 36, 720
    signals = Signals({0: [(0.0, 9.5)], 1: [(11.5, 20.5)], 2: [(22.5, 26.0)]})

    def make_light(self):
        return make_light("cloudy", self.rng)

    def make_layout(self):
        return layouts.junction(self.rng, lanes=(2, 1))

    def make_camera(self):
        return Camera((-6.4, -29.0, 7.4), 1.36, 0.235, 0.86, WIDTH, HEIGHT)

    def timetable(self):
        rng, entries = self.rng, []
        motor = [p for p in self.layout.paths if p.kind == "motor" and p.at(p.length)[2] - p.at(0)[2] < 0.5]  # no left turns: they would meet oncoming traffic
        for lane in self._lanes(motor):
            ways = lane if len(lane) > 1 else lane * 2
            kinds = rng.choice(["car", "truck", "bus"], size=len(ways), p=(0.74, 0.14, 0.12))
            first, gap = rng.uniform(0, 4), self.seconds / len(ways)
            entries += [Entry(str(k), w, (first + i * gap) % self.seconds, 10.5) for i, (k, w) in enumerate(zip(kinds, rng.permutation(np.array(ways, object))))]
        for path in (p for p in self.layout.paths if p.kind == "walk"):
            for _ in range(3):
                entries.append(Entry("person", path, rng.uniform(0, self.seconds), rng.uniform(1.25, 1.5), rng.uniform(-0.6, 0.6)))
        entries += self._pavements()
        return entries

    @staticmethod
    def _lanes(paths):
        """Paths that begin in the same lane, the one straight on first: they share one timetable, so nobody enters inside another."""
        lanes = {}
        for path in paths:
            lanes.setdefault(tuple(np.round(path.points[0])), []).append(path)
        return list(lanes.values())

    def _pavements(self):
        rng, entries = self.rng, []
        near, far = self.layout.half + self.layout.walk - 0.6, 70
        for s in (1, -1):
            for way in (1, -1):
                line = Path([(way * 14.0, s * near), (way * far, s * near)][::rng.choice([1, -1])], "walk")
                for _ in range(3):
                    entries.append(Entry("person", line, rng.uniform(0, self.seconds), rng.uniform(1.2, 1.5), rng.uniform(-0.5, 0.5)))
        for path in [p for p in self.layout.paths if p.kind == "motor" and p.straight][1::2]:
            entries.append(Entry("bicycle", path, rng.uniform(0, self.seconds), 5.2, -1.25))
        return entries

    def fixed(self, clock):
        x, y = 3.3 + 0.3 + 1.0, 6.6 + 0.3 + 1.0
        posts = [(-x - 5.5, -y, np.pi, 0), (x + 5.5, y, 0.0, 0), (x, -y - 5.5, -np.pi / 2, 1), (-x, y + 5.5, np.pi / 2, 1)]
        return [scenery.traffic_light(px, py, yaw, self.signals.color(phase, clock)) for px, py, yaw, phase in posts]


class BusStop(Clip):
    """A street with cycle lanes, parked cars and a bus stop on a sunny afternoon."""

    seed, seconds, kilobits = 2_000_003, 24, 850
    signals = Signals({0: [(10.5, 22.5)], 1: [(0.0, 2.0)]})

    def make_light(self):
        light = make_light("sunny", self.rng)
        light.sun = np.array([-0.62, 0.38, 0.68])
        light.sun /= np.linalg.norm(light.sun)
        return light

    def make_layout(self):
        return layouts.street(self.rng, lanes=1, bike=True, parking=False, median=False, crossing=True, bus_stop=True, trees=True)

    def make_camera(self):
        return Camera((-17.0, -self.layout.half - 0.9, 5.6), 0.26, 0.24, 0.82, WIDTH, HEIGHT)

    def timetable(self):
        rng, entries = self.rng, []
        self._add_signals()
        for path in self.layout.paths:
            if path.kind == "motor":
                kinds = ["car", "truck", "car"] if path.points[0, 0] > 0 else ["car", "truck"]
                entries += _stream(rng, kinds, path, self.seconds, len(kinds), 9.5)
                eastward = path.points[0, 0] < 0
                halts = [(path.length / 2 + 15.0, 3.0)] if eastward else []
                entries.append(Entry("bus", path, 7.0 if eastward else 15.0, 9.0, -0.4, halts))
            elif path.kind == "bike":
                entries += _stream(rng, ["bicycle"] * 4, path, self.seconds, 4, 5.0)
            else:
                along = abs(path.points[0, 0] - path.points[-1, 0]) > 50
                line = _visible_part(path) if along else path
                for _ in range(3 if along else 2):
                    entries.append(Entry("person", line, rng.uniform(0, self.seconds), rng.uniform(1.15, 1.5), rng.uniform(-0.4, 0.4)))
        return entries

    def _add_signals(self):
        """Traffic waits before the crossing while people walk over it; the signals themselves hang behind the camera."""
        across = [p for p in self.layout.paths if p.kind == "walk" and np.ptp(p.points[:, 0]) < 1]
        crossing = float(np.mean([p.points[0, 0] for p in across]))
        for path in across:
            path.stop, path.phase = 2.2, 1
        for path in (p for p in self.layout.paths if p.kind != "walk"):
            way = np.sign(path.points[-1, 0] - path.points[0, 0])
            path.stop, path.phase = way * (crossing - path.points[0, 0]) - 3.8, 0

    def make_parked(self):
        look = np.random.default_rng(self.seed + 1)
        places = [(11.0, -1.5), (12.6, -1.3), (14.5, -1.8), (9.2, -1.7)]
        return [make_person(look, x, -self.layout.half + dy, look.uniform(0.6, 2.4), 0.0, 0.0) for x, dy in places]


class Avenue(Clip):
    """A wide avenue with a planted median after nightfall, street lamps and headlights."""

    seed, seconds, kilobits = 2_000_004, 24, 800

    def make_light(self):
        light = make_light("night", self.rng)
        light.wet = 0.0
        return light

    def make_layout(self):
        return layouts.street(self.rng, night=1.0, lanes=2, bike=False, parking=True, median=True, crossing=True, bus_stop=False, trees=True)

    def make_camera(self):
        return Camera((-22.0, self.layout.half + 1.2, 6.6), -0.3, 0.26, 0.85, WIDTH, HEIGHT)

    def timetable(self):
        rng, entries = self.rng, []
        for path in self.layout.paths:
            if path.kind == "motor":
                kinds = rng.permutation(["car", "car", "car", "truck", "car", "bus"] if abs(path.points[0, 1]) > 4 else ["car"] * 5)
                entries += _stream(rng, kinds, path, self.seconds, len(kinds), 11.5 if abs(path.points[0, 1]) > 4 else 13.0)
            elif path.kind == "walk" and abs(path.points[0, 0] - path.points[-1, 0]) > 50:
                line = _visible_part(path)
                for _ in range(4):
                    entries.append(Entry("person", line, rng.uniform(0, self.seconds), rng.uniform(1.15, 1.5), rng.uniform(-0.4, 0.4)))
        for path in [p for p in self.layout.paths if p.kind == "motor" and abs(p.points[0, 1]) > 4]:
            entries.append(Entry("bicycle", path, rng.uniform(0, self.seconds), 5.0, -1.6))
        return entries

    def make_parked(self):
        look, parked = np.random.default_rng(self.seed + 1), []
        for x in np.arange(-12, 46, 5.9):
            for s in (1, -1):
                if look.random() < 0.55 and abs(x) > 9:
                    car = make_vehicle(look, "car", x, s * (self.layout.half - 1.15), 0 if s < 0 else np.pi)
                    car.still = True
                    parked.append(car)
        return parked


CLIPS = {"highway": Highway, "junction": Junction, "bus-stop": BusStop, "avenue": Avenue}


def encode(clip, path):
    """Feeds raw frames to gst-launch-1.0; raises RuntimeError when the encoder ends badly."""
    pipeline = (f"fdsrc fd=0 blocksize={WIDTH * HEIGHT * 3} ! rawvideoparse format=bgr width={WIDTH} height={HEIGHT} framerate={RATE}/1 ! videoconvert ! "
                f"video/x-raw,format=I420 ! x264enc bitrate={clip.kilobits} key-int-max={2 * RATE} bframes=0 speed-preset=slow threads=1 ! "
                f"video/x-h264,profile=main ! h264parse ! mp4mux faststart=true ! filesink location={path}")
    child = subprocess.Popen(["gst-launch-1.0", "-q", *pipeline.split()], stdin=subprocess.PIPE)
    for frame in clip.frames():
        child.stdin.write(np.ascontiguousarray(frame).tobytes())
    child.stdin.close()
    if child.wait():
        raise RuntimeError(f"{path}: gst-launch-1.0 ended with {child.returncode}; is x264enc (gstreamer1.0-plugins-ugly) installed?")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="clips", help="directory for the clips (default clips)")
    parser.add_argument("--clip", choices=CLIPS, help="only this one")
    parser.add_argument("--still", nargs=2, metavar=("SECONDS", "FILE"), help="write one picture of --clip instead")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.still:
        clip = CLIPS[args.clip or "junction"]()
        for _ in range(int(float(args.still[0]) * RATE * SIM_STEPS)):
            clip.traffic.step()
        cv2.imwrite(args.still[1], clip.picture())
        return
    os.makedirs(args.out, exist_ok=True)
    for name in [args.clip] if args.clip else CLIPS:
        path = os.path.join(args.out, f"{name}.mp4")
        encode(CLIPS[name](), path)
        print(f"{path}: {os.path.getsize(path) / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
