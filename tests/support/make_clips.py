"""Small clips for tests: frame folders, videos and GIFs, whose colour tells the class."""

import numpy as np
from PIL import Image

COLOURS = {"wave": (200, 60, 40), "point": (40, 90, 210)}


def make_pictures(colour, count=5, height=20, width=24):
    """uint8 [count, height, width, 3]: each frame is 5 brighter than the one before."""
    first = np.full((height, width, 3), colour, np.uint8)
    return np.stack([first + 5 * number for number in range(count)])


def write_frame_folder(folder, frames):
    """Writes frame0.png, frame1.png, ... (no leading zeros)."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"frame{number}.png")
    return folder


def write_gif(path, frames):
    """Writes an animated GIF; its colours are within 4 of the frames'."""
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=rest, duration=40, loop=0)
    return path


def write_video(path, frames, codec="mpeg4"):
    """Writes a video; the caller has made sure of PyAV."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_clip_set(root, per_class=4, count=5):
    """Class folders of frame folders, without splits."""
    for name, colour in COLOURS.items():
        for number in range(per_class):
            shade = np.clip(np.array(colour) + 3 * number, 0, 230)
            write_frame_folder(root / name / f"clip{number}", make_pictures(shade, count))
    return root
