"""Whether a failed program died for want of memory, told by the last of what it wrote."""

import re
from typing import Literal, NamedTuple

from homerun.agent.last_words import last_words

Memory = Literal["gpu", "host"]


class MemoryFault(NamedTuple):
    """Which memory was too small, and the line that says so."""

    memory: Memory
    line: str


_TEXTS: tuple[tuple[Memory, str], ...] = (  # the first that is found counts
    ("host", r"OOM when allocating tensor.*device:CPU"),  # TensorFlow
    ("host", r"DefaultCPUAllocator: (?:can't allocate|not enough) memory"),  # PyTorch
    ("gpu", r"Error: (?:CUDA|HIP|XPU|MPS backend) out of memory"),
    ("gpu", r"(?:CUDA|HIP|XPU) out of memory\. Tried to allocate"),
    ("gpu", r"OutOfMemoryError: Allocation on device"),
    ("gpu", r"(?:CUDA|HIP)(?: driver)? error: out of memory"),
    ("gpu", r"Cuda failure (?:\d+ )?'out of memory'"),  # NCCL
    ("gpu", r"CU(?:BLAS|DNN|SOLVER|SPARSE|FFT)_STATUS_ALLOC_FAILED"),
    ("gpu", r"CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|hipErrorOutOfMemory"),
    ("gpu", r"cudaMalloc (?:retry )?failed: out of memory|GPUassert: out of memory"),
    ("gpu", r"(?:RESOURCE_EXHAUSTED|Resource exhausted): Out of memory"),  # XLA: JAX, TensorFlow
    ("gpu", r"OOM when allocating tensor|ResourceExhaustedError: .*failed to allocate memory"),
    ("gpu", r"Out of memory error on GPU"),  # Paddle
    ("gpu", r"Error: Out of memory allocating [\d,]+ bytes"),  # CuPy
    ("gpu", r"Out of GPU memory trying to allocate"),  # CUDA.jl
    ("host", r"^(?:\w+\.)*\w*MemoryError(?::|$)"),  # Python, NumPy, Arrow
    ("host", r"(?:what\(\):\s+|Error: |^)(?:std::bad_alloc|bad allocation)$"),  # C++
    ("host", r"(?:: |\[Errno 12\] )Cannot allocate memory(?:$|:)"),  # ENOMEM of the system
    ("host", r"java\.lang\.OutOfMemoryError: |JavaScript heap out of memory$"),
    ("host", r"^memory allocation of \d+ bytes failed"),  # Rust
    ("host", r"^fatal error: runtime: (?:cannot allocate|out of) memory"),  # Go
    ("host", r"^Error: cannot allocate vector of size"),  # R
    ("host", r"^ERROR: .*\bOutOfMemoryError\(\)"),  # Julia
)
_FAULTS = tuple((memory, re.compile(text)) for memory, text in _TEXTS)
_LAST = 5  # lines in which a program that is not Python says it


def memory_fault(last_lines: str) -> MemoryFault | None:
    """Return what a failed program said of memory as the reason of its end; None: nothing."""
    chosen = last_words(last_lines, count=_LAST)
    for memory, text in _FAULTS:
        for line in chosen:
            if text.search(line):
                return MemoryFault(memory, line.strip())
    return None
