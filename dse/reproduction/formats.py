"""Figures, intervals, p values and tables as text."""

from collections.abc import Sequence

METRIC_NAMES = {"top1": "top-1", "ap50": "AP@50"}
LEAST_P = 0.0001


def number(value: float | None, digits: int = 1, signed: bool = False, missing="missing") -> str:
    """A figure as text, or what stands for one that is missing.

    Example:
        >>> number(56.84), number(56.84, signed=True), number(None)
        ('56.8', '+56.8', 'missing')
    """
    return missing if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def bounds(interval: Sequence[float] | None, digits: int = 1, signed: bool = False) -> str:
    """An interval as text.

    Example:
        >>> bounds([48.21, 66.0])
        '48.2 to 66.0'
    """
    if interval is None:
        return "missing"
    return " to ".join(number(bound, digits, signed) for bound in interval)


def probability(value: float) -> str:
    """A p value as text.

    Example:
        >>> probability(0.04321), probability(0.00002)
        ('0.0432', '<0.0001')
    """
    return f"<{LEAST_P}" if value < LEAST_P else f"{value:.4f}"


def grid(header: Sequence, rows: Sequence[Sequence]) -> str:
    """A table in Markdown.

    Example:
        >>> print(grid(["encoder", "top-1"], [["word-cnn", 51.0]]))
        | encoder | top-1 |
        | --- | --- |
        | word-cnn | 51.0 |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
