"""Sound and film: files as they are, arrays as WAV and GIF."""

from __future__ import annotations

import io
from array import array as number_array
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import MissingExtraError, UsageError
from homerun.track.media.arrays import is_array, to_numpy, to_uint8
from homerun.track.media.files import (
    Media,
    Place,
    Record,
    existing_file,
    save_file,
    suffix_of,
)
from homerun.track.terminal import termwarn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FULL_SCALE = 32767  # of 16-bit samples
_FILMS = ("gif", "mp4", "webm", "ogg")


class Audio(Media):
    """Sound: a path, or samples [n] or [n, channels], from -1 to 1 or 16-bit, with their rate."""

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        self.caption = caption
        self.sample_rate = sample_rate
        self.duration_s: float | None = None
        if isinstance(data_or_path, (str, Path)):
            self._content: bytes | Path = existing_file(data_or_path, "Audio")
            self._suffix = suffix_of(self._content, "wav")
            return
        if sample_rate is None:
            raise UsageError("Audio of samples needs sample_rate=, in samples a second")
        samples, channels = _samples(data_or_path)
        self._content = _encode_wav(samples, channels, int(sample_rate))
        self._suffix = "wav"
        self.duration_s = len(samples) / 2 / channels / sample_rate

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the sound; return W&B's `audio-file` record."""
        place = Place(folder, key, step)
        record: Record = {
            "_type": "audio-file",
            **save_file(self._content, place, kind="audio", suffix=self._suffix),
            "caption": self.caption,
            "sample_rate": self.sample_rate,
            "duration_s": self.duration_s,
        }
        return {name: value for name, value in record.items() if value is not None}


def _samples(data: Any) -> tuple[bytes, int]:
    """Return 16-bit little-endian samples, channels interleaved, and the number of channels."""
    if not is_array(data):
        levels = [max(-1.0, min(1.0, float(level))) for level in data]
        numbers = number_array("h", [round(level * _FULL_SCALE) for level in levels])
        return b"".join(n.to_bytes(2, "little", signed=True) for n in numbers), 1
    values = to_numpy(data)
    if values.ndim not in {1, 2}:
        raise UsageError(f"Audio has shape {values.shape}; give [samples] or [samples, channels]")
    if values.dtype != "int16":
        values = (values.astype("float64").clip(-1, 1) * _FULL_SCALE).round()
    return values.astype("<i2").tobytes(), values.shape[1] if values.ndim == 2 else 1


def _encode_wav(samples: bytes, channels: int, rate: int) -> bytes:
    import wave  # noqa: PLC0415 - few programs log sound

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return buffer.getvalue()


class Video(Media):
    """Film: a path, the bytes of a file, or frames [time, channels, height, width] (0 to 255)."""

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,  # noqa: A002 - W&B's name
    ) -> None:
        self.caption = caption
        self.format = (format or "gif").lower()
        self.width: int | None = None
        self.height: int | None = None
        if isinstance(data_or_path, (str, Path)):
            self._content: bytes | Path = existing_file(data_or_path, "Video")
            self.format = suffix_of(self._content, "mp4")
        elif hasattr(data_or_path, "read"):
            data_or_path.seek(0)
            self._content = data_or_path.read()
        else:
            self._content = self._encode(data_or_path, fps or 4)
        if self.format not in _FILMS:
            raise UsageError(f"Video format {self.format!r} is unknown; use {', '.join(_FILMS)}")

    def _encode(self, data: Any, fps: int) -> bytes:
        if not is_array(data):
            raise UsageError(
                f"Video cannot be made of {type(data).__name__}; give a path, BytesIO or an array"
            )
        if self.format in _FILMS and self.format != "gif":
            termwarn(f"Video keeps arrays as GIF, not as {self.format}", repeat=False)
            self.format = "gif"
        frames = _frames(data)
        self.height, self.width = frames.shape[1:3]
        return _encode_gif(frames, fps)

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the film; return W&B's `video-file` record."""
        place = Place(folder, key, step)
        record: Record = {
            "_type": "video-file",
            **save_file(self._content, place, kind="videos", suffix=self.format),
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "caption": self.caption,
        }
        return {name: value for name, value in record.items() if value is not None}


def _frames(data: Any) -> NDArray[np.uint8]:
    """Return frames [time, height, width, channels]; films of a batch are shown side by side."""
    values = to_numpy(data)
    if values.ndim == 5:
        batch, time, channels, height, width = values.shape
        values = values.transpose(1, 2, 3, 0, 4).reshape(time, channels, height, batch * width)
    if values.ndim != 4 or values.shape[1] not in {1, 3, 4} or not values.size:
        raise UsageError(
            f"Video has shape {values.shape}; give [time, channels (1, 3 or 4), height, width]"
        )
    return to_uint8(values.transpose(0, 2, 3, 1))


def _encode_gif(frames: NDArray[np.uint8], fps: int) -> bytes:
    try:
        from PIL import Image as pillow  # noqa: N813, PLC0415
    except ImportError:
        raise MissingExtraError("Video from an array needs Pillow: pip install pillow") from None
    pictures = [pillow.fromarray(f[:, :, 0] if f.shape[2] == 1 else f) for f in frames]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        format="gif",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / fps),  # milliseconds a frame
        loop=0,
    )
    return buffer.getvalue()
