"""What a speed depends on: the processor, what torch makes of it, and two rates that tell."""

import platform
import time
from pathlib import Path

import torch
from torch.nn import functional as F

REPEATS = 7


def describe_machine() -> dict:
    """The processor by name, its instructions as torch uses them, threads, and GFLOP a second.

    The rates are of a large matrix product and of the char-CNN-RNN's second convolution. They say
    which of the two a processor is good at, and what `ATEN_CPU_CAPABILITY`,
    `ONEDNN_MAX_CPU_ISA` and `MKL_ENABLE_INSTRUCTIONS` have left of it.
    """
    matrix, columns = torch.rand(2048, 2048), torch.rand(1, 384, 1080)
    weight = torch.rand(512, 384, 4)
    with torch.inference_mode():
        product = seconds(lambda: matrix @ matrix)
        convolution = seconds(lambda: F.conv1d(columns, weight))
    return {
        "processor": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "matrix_gflops": round(2 * 2048**3 / product / 1e9),
        "convolution_gflops": round(2 * 512 * 384 * 4 * 1077 / convolution / 1e9),
    }


def seconds(work) -> float:
    """The shortest of several runs, after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def processor() -> str:
    """`AMD EPYC (family 26, model 2)`, or what the platform knows."""
    file, facts = Path("/proc/cpuinfo"), {}
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    if "model name" not in facts:
        return platform.processor() or platform.machine()
    return f"{facts['model name']} (family {facts.get('cpu family')}, model {facts.get('model')})"
