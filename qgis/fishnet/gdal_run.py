"""GDAL at work for an algorithm: its messages go into the log, its progress into the bar, and cancelling ends it."""
import contextlib
import os
import re

from osgeo import gdal
from qgis.core import QgsProcessingException

MISSING = ('GDAL %s, which this QGIS uses, does not find the drivers of Fishnet. Install the plugin gdal_FISHNET.so for this version of GDAL, '
           'or start QGIS with GDAL_DRIVER_PATH set; the algorithm Doctor says what is wrong.')

# What the drivers call their options, and what the algorithms call them. All others are given in OPTIONS.
SPELLINGS = ((r'give one with -oo \w+=<dataset>', 'give one more in INPUTS'), (r'given with INPUT=dem=<dataset>', 'given in NAMES'),
             (r'-oo WEIGHTS=<dataset>, or AREA', 'give a raster in WEIGHTS, or OPTIONS="WEIGHTS=AREA"'), (r'\bCALC(?=[:=])', 'EXPRESSION'),
             (r'\bOT=', 'DATA_TYPE='))
GIVEN = re.compile(r'-oo [^\s,]+(?: -oo [^\s,]+)*')

PART = re.compile(r'^part_\d+\.\w+: ')


def in_words_of_the_dialog(text):
    for spelling, ours in SPELLINGS:
        text = re.sub(spelling, ours, text)
    return GIVEN.sub(lambda found: 'OPTIONS="%s"' % '|'.join(word for word in found[0].split(' ') if word != '-oo'), text)


def is_missing():
    """Why no algorithm can run; empty: they can."""
    if all(gdal.GetDriverByName(name) for name in ('FISHNET', 'NEARTABLE', 'ZONALSTATS')):
        return ''
    return MISSING % gdal.VersionInfo('RELEASE_NAME')


@contextlib.contextmanager
def without_exceptions():
    """Others may have switched on exceptions; from GDAL 3.7 on this is a matter of the thread."""
    if hasattr(gdal, 'ExceptionMgr'):
        with gdal.ExceptionMgr(useExceptions=False):
            yield
    elif gdal.GetUseExceptions():
        gdal.DontUseExceptions()
        try:
            yield
        finally:
            gdal.UseExceptions()
    else:
        yield


def state_of(name):
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class Run:
    """with Run(feedback) as run: dataset = run.open(...); run.translate(...). Raises QgsProcessingException in GDAL's words."""

    def __init__(self, feedback=None):
        self.feedback = feedback
        self.errors, self.warnings = [], set()
        self.begin, self.end, self.done = 0, 1, 0

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(without_exceptions())
        gdal.PushErrorHandler(self._on_message)
        self._stack.callback(gdal.PopErrorHandler)
        return self

    def __exit__(self, *failure):
        self._stack.close()
        self._stack = None

    def set(self, name, value):
        """A configuration option for what follows."""
        before = gdal.GetThreadLocalConfigOption(name) if hasattr(gdal, 'GetThreadLocalConfigOption') else None
        gdal.SetThreadLocalConfigOption(name, value)
        self._stack.callback(gdal.SetThreadLocalConfigOption, name, before)

    def _on_message(self, level, number, text):
        if level >= gdal.CE_Failure:
            self.errors.append(in_words_of_the_dialog(text))
        elif self.feedback is not None and level == gdal.CE_Warning:
            said = PART.sub('', text)
            if said not in self.warnings:  # each part says it again
                self.feedback.pushWarning(in_words_of_the_dialog(said))
            self.warnings.add(said)
        elif self.feedback is not None:
            self.feedback.pushDebugInfo(text)

    def stage(self, begin, end):
        """What follows is this part of all the work."""
        self.begin, self.end = begin, end

    def progress(self, part, message=None, data=None):
        self.done = max(self.done, 100 * (self.begin + min(part, 1) * (self.end - self.begin)))
        self.feedback.setProgress(self.done)
        return 0 if self.feedback.isCanceled() else 1

    def fail(self, what):
        if self.feedback is not None and self.feedback.isCanceled():
            raise QgsProcessingException('Cancelled.')
        raise QgsProcessingException('\n'.join(dict.fromkeys(self.errors)) or what)

    def _do(self, what, function, *arguments, **named):
        """What an exporting function gives; an error of GDAL behind it counts, too (a full disk when the file is closed)."""
        self.errors.clear()
        try:
            result = function(*arguments, **named)
        except RuntimeError as error:
            self.errors.append(str(error))
            result = None
        if result is None or (self.feedback is not None and self.feedback.isCanceled()):
            del result
            self.fail(what)
        return result

    def open(self, name, kind, options):
        return self._do('%s cannot be opened.' % name, gdal.OpenEx, name, kind, open_options=options)

    def create_copy(self, driver, name, source, options):
        """By a driver that leaves nothing unfinished."""
        self.say('%s: %s' % (driver, ' '.join(options) or 'no options'))
        copy = self._do('%s cannot be written.' % name, gdal.GetDriverByName(driver).CreateCopy, name, source, 0, options, self.progress)
        self._close(name, copy)

    def translate(self, name, source, driver, options):
        with self._removed_unless_whole(name, driver):
            copy = self._do('%s cannot be written.' % name, gdal.Translate, name, source, format=driver, creationOptions=options,
                            callback=self.progress)
            self._close(name, copy)

    def translate_table(self, name, source, driver, layer, into_existing=False, layer_options=(), geometry=''):
        given = {'accessMode': 'overwrite'} if into_existing else {}
        given.update({'geometryType': geometry} if geometry else {})
        with self._removed_unless_whole(name, driver, into_existing):
            copy = self._do('%s cannot be written.' % name, gdal.VectorTranslate, name, source, format=driver, layerName=layer,
                            layerCreationOptions=list(layer_options), callback=self.progress, **given)
            self._close(name, copy)

    def _close(self, name, copy):
        copy.FlushCache()
        del copy
        if self.errors:
            self.fail('%s cannot be written.' % name)

    @contextlib.contextmanager
    def _removed_unless_whole(self, name, driver, keep=False):
        """A file that is there is replaced, as all algorithms do; what stays half written is taken away."""
        before = state_of(name)
        try:
            yield
        except QgsProcessingException:
            if not keep and os.path.exists(name) and state_of(name) != before:
                gdal.PushErrorHandler('CPLQuietErrorHandler')
                gdal.GetDriverByName(driver).Delete(name)
                gdal.PopErrorHandler()
                for left in (name, name + '-journal', name + '-wal', name + '-shm'):
                    if os.path.isfile(left):
                        os.unlink(left)
            raise

    def say(self, text):
        self.feedback.pushInfo(text)
