"""Write event files with TensorBoard's own code, in the environment of locks/tensorboard.txt."""

import struct
import sys
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

START = 1_700_000_000.0


def metadata(plugin: str, content: bytes = b"") -> summary_pb2.SummaryMetadata:
    data = summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return summary_pb2.SummaryMetadata(plugin_data=data)


def write(writer: EventFileWriter, step: int, **value: object) -> None:
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(**value)])
    writer.add_event(event_pb2.Event(wall_time=START + step, step=step, summary=summary))


def write_run(folder: Path) -> None:
    writer = EventFileWriter(str(folder))
    start = plugin_data_pb2.HParamsPluginData(version=0)
    start.session_start_info.hparams["lr"].number_value = 0.001
    start.session_start_info.hparams["batch_size"].number_value = 32
    start.session_start_info.hparams["model"].string_value = "convnet"
    start.session_start_info.hparams["fp16"].bool_value = True
    write(
        writer,
        0,
        tag="_hparams_/session_start_info",
        metadata=metadata("hparams", start.SerializeToString()),
    )
    scalars = metadata("scalars")
    for step in range(5):
        write(writer, step, tag="loss", simple_value=1 / (step + 1))
        packed = TensorProto(dtype=1, float_val=[step / 2])
        write(writer, step, tag="acc", tensor=packed, metadata=None if step else scalars)
        raw = TensorProto(dtype=2, tensor_content=struct.pack("<d", step / 3))
        write(writer, step * 10, tag="exact", tensor=raw, metadata=scalars)
        count = TensorProto(dtype=9, int64_val=[-step])
        write(writer, step, tag="count", tensor=count, metadata=scalars)
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    words = TensorProto(dtype=7, string_val=[b"a *note*"], tensor_shape=shape)
    write(writer, 4, tag="notes", tensor=words, metadata=metadata("text"))
    write(writer, 4, tag="picture", image=summary_pb2.Summary.Image(height=1, width=1))
    writer.close()


if __name__ == "__main__":
    write_run(Path(sys.argv[1]) / "one")
    write_run(Path(sys.argv[1]) / "two")
