"""What the experiments' pictures share; ``plot.py`` has the colours."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


def panels(count: int, *, sharey: bool = False) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with a row of panels; no display is needed."""
    figure = Figure(figsize=(max(6.0, 4.2 * count), 4.4), dpi=150, layout="constrained")
    axes = figure.subplots(1, count, squeeze=False, sharey=sharey)[0]
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.set_axisbelow(True)
    return figure, axes


def legend(axes: Axes, entries: Sequence[tuple[str, str, str]], *, paper: bool) -> None:
    """Put a legend of (label, colour, marker) beside a panel, with a line that says which marks are the paper's."""
    handles = [Line2D([], [], color=colour, marker=mark, markersize=5, label=name) for name, colour, mark in entries]
    if paper:
        handles.append(Line2D([], [], color="0.4", marker="o", markerfacecolor="none", linestyle=":", label="paper"))
    axes.legend(handles=handles, fontsize="small", loc="center left", bbox_to_anchor=(1.02, 0.5))
