"""No library that `dse` loads reports on its user."""

import os


def switch_off_telemetry() -> None:
    """Keep the Hugging Face Hub's client, and Ray, from sending anything that nobody asked for.

    The Hub's client reads it when it is imported, so call this before timm, transformers or
    open_clip are. Whoever has set a variable keeps its value.

    Example:
        >>> switch_off_telemetry()
        >>> os.environ["HF_HUB_DISABLE_TELEMETRY"]
        '1'
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
