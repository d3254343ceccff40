"""The box for an expression in dialogs: what inputs are called, a list of functions to pick from, and a check as one types."""
import re

from osgeo import gdal
from processing.gui.wrappers import WidgetWrapper
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingUtils, QgsProject
from qgis.gui import QgsGui, QgsProcessingGui
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QFontDatabase, QTextCursor
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QTextEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from .expression import translated
from .functions import functions
from .gdal_run import Run
from .inputs import input_options, names_of, raster_of

WAIT = 400  # milliseconds after the last key
PLACE = re.compile(r'at position (\d+)')
EXPRESSION = re.compile(r'expression (\d+):')


GOOD = 'Good.'
OTHER_GRIDS = 'Good. The inputs are on different grids: Advanced Parameters say onto which one they are brought.'


def check(text, rasters, names, titles):
    """(what the driver says of an expression over (dataset, open options), or that it is good; the place of a mistake in the text, or None)."""
    try:
        options = input_options(rasters, names)
        expression, places = translated(text, names_of(names, len(rasters)), titles)
    except QgsProcessingException as error:
        return str(error), place_of(text, str(error))
    options.append('CALC=' + expression)
    says = attempt(options)
    place = place_of(expression, says)
    if says and place is None and not attempt(options + ['EXTENT=UNION']):
        return OTHER_GRIDS, None
    return says or GOOD, places[min(place, len(places) - 1)] if place is not None and places else None


def attempt(options):
    """The driver's error; empty: it takes them."""
    run = Run()
    try:
        with run:
            run.open('FISHNET:', gdal.OF_RASTER, options)
    except QgsProcessingException as error:
        return str(error).replace('FISHNET: EXPRESSION: ', '')
    return ''


def place_of(expression, message):
    """(position in the whole text from 0) of a mistake, or None."""
    found = PLACE.search(message)
    if not found:
        return None
    number = EXPRESSION.search(message)
    start = 0
    for _ in range(int(number.group(1)) - 1 if number else 0):
        start = expression.find(';', start) + 1
        while start < len(expression) and expression[start].isspace():
            start += 1
    return start + int(found.group(1)) - 1


def text_of(one):
    """What is written for a function, an operator or a constant."""
    if one['call'].startswith(one['name'] + '('):
        return one['name'] + '('
    return ' %s ' % one['name'] if one['group'] == 'operators' else one['call']


class ExpressionWidget(QWidget):
    def __init__(self, changed):
        super().__init__()
        self.changed = changed
        self.inputs = lambda: ([], '', [], [])
        self.edit = QPlainTextEdit()
        self.edit.setFont(QFontDatabase.systemFont(QFontDatabase.FixedFont))
        self.edit.setMinimumHeight(70)
        self.edit.setPlaceholderText('sqrt(A)')
        self.search = QLineEdit()
        self.search.setPlaceholderText('Search functions')
        self.list = QTreeWidget()
        self.list.setHeaderHidden(True)
        self.list.setMinimumHeight(110)
        self.says = QLabel()
        self.says.setTextFormat(Qt.PlainText)
        self.says.setFont(self.edit.font())
        self.says.setWordWrap(True)
        self.says.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.describes = QLabel()
        self.describes.setTextFormat(Qt.PlainText)
        self.describes.setWordWrap(True)
        left, right, both, all_of_it = QVBoxLayout(), QVBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        for widget in (self.edit, self.says):
            left.addWidget(widget)
        for widget in (self.search, self.list):
            right.addWidget(widget)
        both.addLayout(left, 3)
        both.addLayout(right, 2)
        all_of_it.setContentsMargins(0, 0, 0, 0)
        all_of_it.addLayout(both)
        all_of_it.addWidget(self.describes)
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(WAIT)
        self.timer.timeout.connect(self.check)
        self.edit.textChanged.connect(self.on_text)
        self.search.textChanged.connect(self.filter)
        self.list.itemDoubleClicked.connect(self.insert)
        self.list.currentItemChanged.connect(self.describe)
        self.input_items = self.group('Inputs')
        self.fill()

    # ---- the list ----

    def group(self, name):
        item = QTreeWidgetItem([name])
        self.list.addTopLevelItem(item)
        item.setExpanded(name == 'Inputs')
        return item

    def fill(self):
        groups = {}
        for one in functions():
            if one['group'] not in groups:
                groups[one['group']] = self.group(one['group'].capitalize())
            item = QTreeWidgetItem([one['call']])
            others = one.get('spellings')
            item.setToolTip(0, one['help'] + (' (also %s)' % ', '.join(others) if others else ''))
            item.setData(0, Qt.UserRole, (text_of(one), '%s: %s' % (one['call'], item.toolTip(0))))
            groups[one['group']].addChild(item)

    def filter(self, text):
        text = text.lower()
        for i in range(self.list.topLevelItemCount()):
            top = self.list.topLevelItem(i)
            shown = 0
            for k in range(top.childCount()):
                child = top.child(k)
                hidden = text not in child.text(0).lower() and text not in child.toolTip(0).lower()
                child.setHidden(hidden)
                shown += not hidden
            top.setHidden(bool(text) and not shown)
            top.setExpanded(bool(text) or top is self.input_items)

    def insert(self, item, column=0):
        data = item.data(0, Qt.UserRole)
        if data:
            self.edit.insertPlainText(data[0])
            self.edit.setFocus()

    def describe(self, item, before=None):
        data = item.data(0, Qt.UserRole) if item is not None else None
        self.describes.setText(data[1] if data else '')

    # ---- what is typed ----

    def on_text(self):
        self.timer.start()
        self.changed()

    def check(self):
        """The mistake in words with its place; the character is marked."""
        text, message, place = self.edit.toPlainText(), '', None
        try:
            rasters, names, titles, bands = self.inputs()
            self.show_inputs(names, titles, bands)
            if rasters and text.strip():
                message, place = check(text, rasters, names, titles)
        except QgsProcessingException as error:  # a layer that GDAL does not read
            message = str(error)
        self.mark(place)
        self.says.setText(message)
        self.says.setStyleSheet('color: %s' % ('#1b7f3b' if message in (GOOD, OTHER_GRIDS) else '#b00020'))

    def show_inputs(self, names, titles, bands):
        """Each with its bands, where it has several."""
        self.input_items.takeChildren()
        try:
            called = names_of(names, len(titles)) if titles else []
        except QgsProcessingException:
            called = []
        at = 0
        for name, count, stack in called:
            item = self.entry(self.input_items, name, '%d rasters' % count if stack else titles[at])
            if len(bands[at]) > 1:
                for number, band in enumerate(bands[at], 1):
                    self.entry(item, '%s[%d]' % (name, number), band)
            item.setExpanded(True)
            at += count

    @staticmethod
    def entry(parent, text, title):
        item = QTreeWidgetItem(['%s   %s' % (text, title)])
        item.setData(0, Qt.UserRole, (text, '%s: %s' % (text, title)))
        parent.addChild(item)
        return item

    def mark(self, place):
        marks = []
        if place is not None:
            mark = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.edit.document())
            last = max(len(self.edit.toPlainText()) - 1, 0)
            cursor.setPosition(min(place, last))
            cursor.movePosition(QTextCursor.NextCharacter, QTextCursor.KeepAnchor)
            mark.cursor = cursor
            mark.format.setBackground(Qt.red)
            mark.format.setForeground(Qt.white)
            marks = [mark]
        self.edit.setExtraSelections(marks)


class ExpressionBox(WidgetWrapper):
    """In the dialog of an algorithm; batch and modeler have QGIS's own boxes for texts."""

    def __new__(cls, parameter, dialog, row=0, col=0, **more):
        kind = type(dialog).__name__
        if kind == 'ModelerParametersDialog':
            wrapper = QgsGui.processingGuiRegistry().createModelerParameterWidget(dialog.model, dialog.childId, parameter, dialog.context)
        elif kind == 'BatchAlgorithmDialog':
            wrapper = QgsGui.processingGuiRegistry().createParameterWidgetWrapper(parameter, QgsProcessingGui.Batch)
        else:
            return super().__new__(cls)
        wrapper.setDialog(dialog)
        return wrapper

    def createWidget(self, **more):
        self.others = {}
        return ExpressionWidget(lambda: self.widgetValueHasChanged.emit(self))

    def setValue(self, value):
        self.widget.edit.setPlainText(value or '')

    def value(self):
        return self.widget.edit.toPlainText()

    def postInitialize(self, wrappers):
        for wrapper in wrappers:
            if wrapper.parameterDefinition().name() in ('INPUTS', 'NAMES'):
                self.others[wrapper.parameterDefinition().name()] = wrapper
                wrapper.widgetValueHasChanged.connect(lambda *_: self.widget.timer.start())
        self.widget.inputs = self.inputs
        self.widget.check()

    def inputs(self):
        """(datasets with open options, names, titles, bands) of what is chosen now."""
        self.context = QgsProcessingContext()  # keeps layers that are loaded for it
        self.context.setProject(QgsProject.instance())
        chosen = self.others['INPUTS'].parameterValue() or []
        layers = [QgsProcessingUtils.mapLayerFromString(one, self.context) if isinstance(one, str) else one for one in chosen]
        layers = [layer for layer in layers if layer is not None]
        names = self.others['NAMES'].parameterValue() or '' if 'NAMES' in self.others else ''
        bands = [[layer.bandName(number) for number in range(1, layer.bandCount() + 1)] for layer in layers]
        return [raster_of(layer) for layer in layers], names, [layer.name() for layer in layers], bands
