"""Something to measure, and its samples as a table and for the JSON file."""

import statistics
import sys
from dataclasses import dataclass, field


@dataclass
class Case:
    """Something to measure.  `measure(variant, placement)` runs once and gives (clock, CPU or None) in `unit`."""

    name: str
    title: str
    unit: str
    variants: list
    measure: object
    ratios: list  # variants that the others are compared with
    repeat: int
    samples: dict = field(default_factory=dict)  # (placement, variant) -> [(clock, CPU), ...]


def medians(case, placement, variant):
    samples = case.samples[placement, variant]
    cpu = [sample[1] for sample in samples if sample[1] is not None]
    return statistics.median(sample[0] for sample in samples), statistics.median(cpu) if cpu else None


def cell(value, width=10):
    return f"{value:{width}.{3 if value < 10 else 2 if value < 100 else 1}f}" if value is not None else " " * width


def show(case, placement, names):
    """A line for each of these variants."""
    ratios = [name for name in case.ratios if name in names]
    heading = "".join(f"{'/ ' + name:>16}{'in CPU':>8}" for name in ratios)
    print(f"\n{case.name}, {placement}: {case.title}, {case.unit}")
    print(f"  {'':22}{'median':>10}{'min':>10}{'max':>10}{'CPU':>10}{heading}")
    for name in names:
        clock, cpu = medians(case, placement, name)
        values = [sample[0] for sample in case.samples[placement, name]]
        line = f"  {name:22}{cell(clock)}{cell(min(values))}{cell(max(values))}{cell(cpu)}"
        for other in ratios:
            base, base_cpu = medians(case, placement, other)
            line += f"{clock / base:16.2f}" + (f"{cpu / base_cpu:8.2f}" if cpu and base_cpu else f"{'':8}")
        print(line)
    sys.stdout.flush()


def as_json(cases):
    for case in cases:
        for (placement, variant), samples in case.samples.items():
            clock, cpu = medians(case, placement, variant)
            yield {
                "case": case.name,
                "placement": placement,
                "variant": variant,
                "unit": case.unit,
                "median": clock,
                "cpu_median": cpu,
                "samples": [sample[0] for sample in samples],
                "cpu_samples": [sample[1] for sample in samples],
            }
