"""The charts and image grids of the book, and one colour for each text encoder in all of them.

Every function returns its figure and shows nothing by itself; a notebook shows the figure that a
cell ends with. Charts are narrow and their letters large, so that they can be read on a phone;
grids of images are HTML.
"""

from dse.plots.charts import bars, histogram, lines, points, strip, training_curve
from dse.plots.grids import ImageGrid, Picture, image_grid, ranked_images
from dse.plots.matrices import heatmap, heatmaps
from dse.plots.style import ENCODER_COLOURS, use_style

__all__ = [
    "ENCODER_COLOURS",
    "ImageGrid",
    "Picture",
    "bars",
    "heatmap",
    "heatmaps",
    "histogram",
    "image_grid",
    "lines",
    "points",
    "ranked_images",
    "strip",
    "training_curve",
    "use_style",
]
