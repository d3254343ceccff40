"""What the tests of neighbours, windows and terrain share: windows as text and as weights, rasters, comparisons with the evaluator."""
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'driver'))
from common import (VERSION, Case, calc, calc1, config, fishnet, good, gdal, oo, open_options, osr, real, run, ulps,
                    # noqa: E402,F401
                    write)
import focal_evaluator as ev  # noqa: E402

SEED = int(os.environ.get('FISHNET_SEED') or np.random.SeedSequence().entropy % 2**32)
print('FISHNET_SEED=%d' % SEED, flush=True)

SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
UNEVEN = [[0, 2, 0.5], [-1, 0, 3], [0.25, 1, 0]]
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
CORNER = [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def matrix(rows):
    return str(rows).replace(' ', '')


# As the expression has it: as the evaluator has it. All but the weights are windows of any statistic.
SHAPES = {
    '1': ev.box(1), '3': ev.box(3), '5': ev.box(5), '9': ev.box(9), 'rect(1, 5)': ev.box(1, 5),
    'rect(7,3)': ev.box(7, 3),
    'circle(1)': ev.circle(1), 'circle(2.5)': ev.circle(2.5), 'circle(5)': ev.circle(5), 'circle(0)': ev.circle(0),
    'annulus(1, 3)': ev.annulus(1, 3), 'annulus(2.2, 4)': ev.annulus(2.2, 4), 'wedge(4, 0, 90)': ev.wedge(4, 0, 90),
    'wedge(3, 330, 45)': ev.wedge(3, 330, 45), 'wedge(2, -360, 0)': ev.circle(2),
    '[[0,1,0],[1,1,1],[0,1,0]]': ev.circle(1),
    matrix(CORNER): np.array(CORNER, float), '[[1,0,0,0,1]]': np.array([[1., 0, 0, 0, 1]])}
POSITIVE = {'[[1,2,1],[2,4,2],[1,2,1]]': np.outer([1., 2, 1], [1, 2, 1]),
            '[[0.5],[3],[0]]': np.array([[0.5], [3], [0]]), 'gaussian(0.8)': ev.gaussian(0.8)}
SIGNED = {matrix(rows): np.array(rows, float) for rows in (SHARPEN, UNEVEN, SOBEL)}


def windows_of(statistic):
    return {**SHAPES, **(POSITIVE if statistic in ev.WEIGHTED else {}),
            **(SIGNED if statistic in ('mean', 'sum') else {})}


class Window:
    """A call of a window function: its text, what the evaluator makes of it, and how far sums may be from that."""

    def __init__(self, statistic, window, nodata='skip', edge='shrink', p=50, operand='A', weights=None):
        self.statistic, self.nodata, self.edge, self.p = statistic, nodata, edge, p
        self.weights = windows_of(statistic)[window] if weights is None else weights
        number = ', %r' % p if statistic == 'percentile' else ''
        self.text = 'focal_%s(%s%s, %s%s%s)' % (statistic, operand, number, window, '' if nodata == 'skip'
                                                else ', nodata="%s"' % nodata,
                                                '' if edge == 'shrink' else ', edge=' + edge)

    def value(self, x):
        return ev.focal(self.statistic, x, self.weights, self.nodata, self.edge, self.p)

    def slack(self, x):
        return ev.slack(self.statistic, x, self.weights, self.edge) if self.statistic in ev.INEXACT else 0


class FocalCase(Case):
    def close(self, got, want, slack=0.0, what=''):
        """NaN in the same places, and elsewhere no further apart than slack, a number or an array."""
        with np.errstate(invalid='ignore'):
            wrong = ~((np.isnan(got) & np.isnan(want)) | (got == want) | (np.abs(got - want) <= slack))
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0])
            allowed = np.broadcast_to(slack, wrong.shape)[at]
            self.fail('%s: %d of %d cells; at %s got %r, want %r, within %g' % (what, wrong.sum(), wrong.size, at,
                                                                                got[at], want[at], allowed))

    def check_windows(self, path, x, calls, batch=60, **options):
        """calls: of Window. All of them, many in one dataset; the shortest expressions that are wrong are shown."""
        wrong = []
        for first in range(0, len(calls), batch):
            some = calls[first:first + batch]
            for call, got in zip(some, calc(path, *[call.text for call in some], **options)):
                try:
                    self.close(got, call.value(x), call.slack(x), call.text)
                except AssertionError as error:
                    wrong.append(str(error))
        wrong.sort(key=len)
        self.assertFalse(wrong, '%d of %d expressions:\n%s' % (len(wrong), len(calls), '\n'.join(wrong[:8])))


def valid(cells, nodata):
    """Cells as the expression sees them."""
    return np.where(cells == nodata, np.nan,
                    cells.astype(np.float64)) if nodata is not None else cells.astype(np.float64)
