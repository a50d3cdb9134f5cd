"""The pictures of Ray's visual guide to PBT, by the names and calls that the guide uses for them.

They read `results[i].metrics_dataframe` and nothing else, of which they need the columns `training_iteration`,
`theta0`, `theta1` and `Q`, with one row per iteration. So they also draw the results of the guide's own code:

    figure, axes = plt.subplots(1, 2, figsize=(13, 6), width_ratios=[1.5, 1])
    plot_parameter_history(results, colors, labels, perturbation_interval=4, fig=figure, ax=axes[0])
    plot_Q_history(results, colors, labels, ax=axes[1])
    make_animation(results, colors, labels, perturbation_interval=4, filename="pbt.gif")

They draw on figures of their own where they are given none, never through pyplot, and so need no display.
"""

from __future__ import annotations

import numpy as np

BEST_Q = 1.2
LOW, HIGH = -0.04, 1.0  # what is shown of theta0 and theta1
FRAME_MS = 120  # how long a frame of the animation stays
LAST_FRAME_MS = 2500
FAR = 0.03  # a way that the eye sees: only longer jumps get arrows, and numbers are farther apart


def get_init_theta():
    return np.array([0.9, 0.9])


# Pictures


def plot_parameter_history(results, colors, labels, perturbation_interval=None, fig=None, ax=None):
    """Draw the path of the parameters of each trial over the contours of Q, and return the axes.

    A point is an iteration, the smaller the later. Every `perturbation_interval` iterations (at least 2) the point is
    numbered as far as there is room, and a dashed arrow shows where a trial jumped: it went on from the parameters
    of another.

    Args:
        results: Of a run, one per trial.
        colors: One per trial.
        labels: One per trial, for the legend.
        perturbation_interval: Iterations between two decisions; None if there were none.
        fig: The figure, for the scale of Q; by default that of the axes.
        ax: Where to draw; by default on a new figure.
    """
    ax = ax or new_axes()
    draw_contours(fig or ax.figure, ax)
    paths = [path(result) for result in results]
    for theta, color, label in zip(paths, colors, labels, strict=True):
        jumped = jumps(theta, perturbation_interval)
        shrinking = np.linspace(1, 0.1, len(theta))
        sizes = {"s": 60 * shrinking, "linewidths": 0.6 * shrinking}
        ax.plot(*with_gaps(theta, jumped).T, color=color, linewidth=0.8, alpha=0.6)
        ax.scatter(*theta.T, color=color, edgecolors="white", label=label, zorder=3, **sizes)
        for at in jumped:
            if is_far(theta[at - 1], theta[at]):
                dashed_arrow(ax, theta[at - 1], theta[at], color)
    ax.set_title("parameters")
    ax.legend(loc="center left")
    if perturbation_interval:
        number_points(ax, paths, colors, perturbation_interval)
    return ax


def plot_Q_history(results, colors, labels, ax=None):
    """Draw the true Q of each trial over iterations, with the most that Q can be, and return the axes."""
    ax = ax or new_axes()
    for result, color, label in zip(results, colors, labels, strict=True):
        frame = result.metrics_dataframe
        ax.plot(frame["training_iteration"], frame["Q"], color=color, label=label, linewidth=1.8, alpha=0.85)
    ax.axhline(BEST_Q, color="grey", linestyle="--", linewidth=1, label=f"the most there is, {BEST_Q}")
    ax.set(title="Q of the parameters", xlabel="training iteration", ylim=(min(-0.25, ax.get_ylim()[0]), BEST_Q + 0.1))
    ax.grid(color="0.92")
    ax.legend(loc="lower right")
    return ax


def make_animation(results, colors, labels, perturbation_interval=None, filename="pbt.gif"):
    """Write a GIF with a frame per iteration: the parameters on their way, and Q beside them.

    The arrow of a jump stays until the next decision. See `plot_parameter_history` for the arguments.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    draw_contours(figure, left)
    title = left.set_title(" ", animated=True)
    plot_Q_history(results, colors, labels, ax=right)
    travellers = [
        Traveller(left, line, path(result), color, perturbation_interval)
        for result, line, color in zip(results, right.get_lines(), colors, strict=False)  # the last line is the most Q
    ]
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    images = []
    for position, iteration in enumerate(results[0].metrics_dataframe["training_iteration"]):
        canvas.restore_region(background)
        title.set_text(f"parameters after iteration {iteration}")
        for artist in [title, *(artist for traveller in travellers for artist in traveller.at(position))]:
            artist.axes.draw_artist(artist)
        images.append(np.asarray(canvas.buffer_rgba())[:, :, :3].copy())
    save_gif(images, filename)


# How a trial moved


def path(result):
    """Return the parameters after each iteration, in an array of shape (iterations, 2)."""
    return result.metrics_dataframe[["theta0", "theta1"]].to_numpy(dtype=float)


def jumps(theta, interval):
    """Return the positions of the rows in which the trial went on from the parameters of another.

    Only the first rows after a decision can be: those at position 4, 8, ... for an interval of 4. A trial that goes on
    by itself keeps its hyperparameters, so each parameter shrinks by the same factor as in the step before.
    """
    if not interval:
        return []
    decided = range(max(interval, 2), len(theta), interval)
    return [at for at in decided if not np.allclose(theta[at] * theta[at - 2], theta[at - 1] ** 2, rtol=1e-6, atol=0)]


def with_gaps(theta, positions):
    """Return the path with a gap before each of some positions, where a line shall be interrupted."""
    return np.insert(theta, positions, np.nan, axis=0)


def is_far(start, end):
    return np.linalg.norm(end - start) > FAR


# Parts of the pictures


def new_axes():
    from matplotlib.figure import Figure

    return Figure(figsize=(8, 6), layout="constrained").subplots()


def draw_contours(fig, ax):
    grid = np.linspace(LOW, HIGH, 201)
    theta0, theta1 = np.meshgrid(grid, grid)
    Q = BEST_Q - (3 / 4 * theta0**2 + theta1**2)
    levels = np.linspace(-0.6, BEST_Q, 13)
    filled = ax.contourf(theta0, theta1, Q, levels=levels, cmap="Greys_r", vmin=-2.5, vmax=1.35)
    ax.contour(theta0, theta1, Q, levels=levels, colors="white", linewidths=0.6, linestyles="solid")
    fig.colorbar(filled, ax=ax, label="Q", ticks=levels[::2], pad=0.02)
    ax.set(xlim=(LOW, HIGH), ylim=(LOW, HIGH), xlabel="theta0", ylabel="theta1")


def dashed_arrow(ax, start, end, color, **options):
    from matplotlib.patches import FancyArrowPatch

    style = {"arrowstyle": "-|>", "mutation_scale": 13, "linestyle": (0, (4, 2)), "linewidth": 1.1, "zorder": 2}
    return ax.add_patch(FancyArrowPatch(start, end, color=color, **style, **options))


PLACES = [(7, 5), (-7, -13), (7, -13), (-7, 5), (13, -4), (-13, -4), (12, 10), (-12, -18), (12, -18), (-12, 10)]


def number_points(ax, paths, colors, interval):
    """Write its iteration beside each point at a decision, earlier ones first, where nothing else is."""
    ax.figure.draw_without_rendering()  # the layout settles, and with it where everything is
    points = ax.transData.transform(np.concatenate(paths))
    taken = [ax.get_legend().get_window_extent()]
    for theta, color in zip(paths, colors, strict=True):
        numbered = None
        for at in range(interval - 1, len(theta), interval):
            if numbered is None or is_far(numbered, theta[at]):
                numbered = theta[at]
                taken += write_beside(ax, theta[at], at + 1, color, points, taken)


def write_beside(ax, point, iteration, color, points, taken):
    """Return the boxes of what was written: one, or none if there was no room."""
    for dx, dy in PLACES:
        text = ax.annotate(
            str(iteration), point, (dx, dy), textcoords="offset points", ha="left" if dx > 0 else "right",
            color=color, fontsize=9, zorder=4,
        )  # fmt: skip
        box = text.get_window_extent().padded(2)
        inside = ax.get_window_extent().containsx(box.x0) and ax.get_window_extent().containsy(box.y0)
        if inside and not box.count_contains(points) and not box.count_overlaps(taken):
            return [box]
        text.remove()
    return []


class Traveller:
    """A trial in the animation: its way so far, where it is, its Q so far, and its last jump.

    Args:
        ax: Where the parameters are.
        q_line: The line of its Q.
        theta: Its parameters after each iteration.
        color: Its colour.
        interval: Iterations between two decisions, or None.
    """

    def __init__(self, ax, q_line, theta, color, interval):
        self.theta, self.jumped, self.interval = theta, jumps(theta, interval), interval
        self.q_line, self.q = q_line, np.array(q_line.get_data(), dtype=float)
        q_line.set_animated(True)
        (self.way,) = ax.plot([], [], color=color, linewidth=1, marker="o", markersize=2.5, alpha=0.7, animated=True)
        (self.place,) = ax.plot([], [], color=color, marker="o", markersize=9, markeredgecolor="white", animated=True)
        self.arrow = dashed_arrow(ax, (0, 0), (0, 0), color, animated=True)

    def at(self, position):
        """Return what to draw after the iteration at a position, in this order."""
        self.way.set_data(with_gaps(self.theta[: position + 1], [at for at in self.jumped if at <= position]).T)
        self.place.set_data(self.theta[position : position + 1].T)
        self.q_line.set_data(self.q[:, : position + 1])
        decided = self.interval and position - position % self.interval
        self.arrow.set_visible(decided in self.jumped)
        if decided in self.jumped:
            self.arrow.set_positions(self.theta[decided - 1], self.theta[decided])
        return [self.way, self.arrow, self.place, self.q_line]


def save_gif(images, filename):
    """Write the frames with one palette for all, so that only what differs between two of them takes space."""
    from PIL import Image

    some = Image.fromarray(np.concatenate(images[::10]))
    palette = some.quantize(240, dither=Image.Dither.NONE)
    frames = [Image.fromarray(image).quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    frames[0].save(filename, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)
