"""What QGIS itself runs (qgis --code) for test_qgis_plugin.py, and for the pictures of docs/QGIS.md: the dialogs of the plugin are opened, filled in,
run and cancelled. The last line that it prints is JSON."""
import json
import os
import sys
import time
import traceback

import processing
from processing.tools import dataobjects
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import Qt, QTimer, QUrl
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QApplication, QPlainTextEdit, QProgressBar, QTextEdit
from qgis.utils import iface, plugins

GIVEN = json.loads(os.environ['DIALOGS'])
DATA, OUT, PICTURES = GIVEN['data'], GIVEN['out'], GIVEN['pictures']
found = {}


def until(condition, seconds=40):
    end = time.monotonic() + seconds * GIVEN['patience']
    while not condition():
        assert time.monotonic() < end, 'line %d: nothing came of it' % condition.__code__.co_firstlineno
        QApplication.processEvents()
        time.sleep(0.01)


def pause(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def dialog(name, parameters, size=(860, 600)):
    made = processing.createAlgorithmDialog('fishnet:' + name, parameters)
    made.resize(*size)
    made.show()
    pause(0.3)
    return made


def layers():
    return {layer.name(): layer for layer in QgsProject.instance().mapLayers().values()}


def text_of(made):
    return '\n'.join(edit.toPlainText() for edit in made.findChildren(QTextEdit))


def picture(made, name):
    pause(0.3)
    made.grab().toImage().convertToFormat(QImage.Format_Indexed8, Qt.ThresholdDither | Qt.AvoidDither).save(os.path.join(PICTURES, 'qgis_%s.png' % name))


def run(made):
    """To its end; what the log says."""
    made.runButton().click()
    until(lambda: made.cancelButton().isEnabled() or made.wasExecuted())
    until(lambda: not made.cancelButton().isEnabled() and made.runButton().isEnabled())
    pause(0.2)
    return text_of(made)


def box_of(made):
    """Editor, message and list of the expression box."""
    widget, = [one for one in made.findChildren(QPlainTextEdit) if type(one.parent()).__name__ == 'ExpressionWidget']
    return widget.parent()


def expression():
    made = dialog('rasterexpression', {'INPUTS': [layers()['dem'].id(), layers()['other'].id()]})
    box = box_of(made)
    box.edit.setPlainText('sqrt(A) + wehre(B > 3, 1, 0)')
    until(lambda: 'position' in box.says.text())
    found['mistake'] = box.says.text()
    found['marked'] = [mark.cursor.selectedText() for mark in box.edit.extraSelections()]
    found['inputs'] = [box.input_items.child(i).text(0) for i in range(box.input_items.childCount())]
    picture(made, 'mistake')
    box.edit.setPlainText('sqrt(A) + where(B > 3, 1, 0)')
    until(lambda: box.says.text() == 'Good.')
    box.search.setText('slope')
    pause(0.1)
    groups = [box.list.topLevelItem(i) for i in range(box.list.topLevelItemCount())]
    found['searched'] = [group.child(k).text(0) for group in groups for k in range(group.childCount()) if not group.isHidden() and not group.child(k).isHidden()]
    box.search.setText('')
    picture(made, 'expression')
    found['expression_log'] = run(made)
    picture(made, 'expression_log')
    made.close()


def bands():
    """Of an input that has several: listed, and written as in QGIS's raster calculator."""
    made = dialog('rasterexpression', {'INPUTS': [layers()['two'].id()], 'EXPRESSION': '"two@2" + wehre(A)'})
    box = box_of(made)
    until(lambda: 'position' in box.says.text())
    item = box.input_items.child(0)
    found['bands'] = [item.text(0)] + [item.child(i).text(0) for i in range(item.childCount())]
    found['marked_behind'] = [(mark.cursor.position(), mark.cursor.selectedText()) for mark in box.edit.extraSelections()]
    found['help'] = os.path.exists(QUrl(made.algorithm().helpUrl()).toLocalFile())
    made.close()


def tables():
    made = dialog('neartable', {'INPUT': layers()['places'].id(), 'NEAR': layers()['rivers'].id(), 'RADIUS': '500km', 'FIELDS': ['name'], 'NEAR_FIELDS': ['name']})
    picture(made, 'near')
    found['near_log'] = run(made)
    made.close()
    made = dialog('zonalstatistics', {'INPUT': layers()['sheets'].id(), 'INPUTS': [layers()['dem'].id()], 'EXPRESSION': 'A*0.3048', 'FIELDS': ['name']})
    picture(made, 'zonal')
    found['zonal_log'] = run(made)
    made.close()


def others():
    made = dialog('tiles', {'INPUTS': [layers()['dem'].id()], 'EXPRESSION': 'sqrt(A)', 'COLUMNS': 4, 'ROWS': 4, 'OUTPUT': os.path.join(OUT, 'tiles.vrt')})
    picture(made, 'tiles')
    found['tiles_log'] = run(made)
    made.close()
    made = dialog('pipeline', {'INPUT': layers()['dem'].id()})
    found['pipeline_log'] = run(made)
    made.close()
    made = dialog('doctor', {})
    found['doctor_log'] = run(made)
    picture(made, 'doctor')
    made.close()


def batch(name, rows):
    """The same algorithm with the parameters of each row, as in its batch dialog; the log."""
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
    made = BatchAlgorithmDialog(QgsApplication.processingRegistry().createAlgorithmById('fishnet:' + name))
    made.show()
    panel, context = made.mainWidget(), dataobjects.createContext()
    panel.clear()
    for row, parameters in enumerate(rows):
        panel.addRow()
        for key, value in parameters.items():
            column = panel.parameter_to_column[key]
            if key == 'OUTPUT':
                panel.tblParameters.cellWidget(row + 1, column).setValue(value)
            else:
                panel.wrappers[row][column].setParameterValue(value, context)
    made.runButton().click()
    until(lambda: 'Batch execution completed' in text_of(made))
    log = text_of(made)
    made.close()
    return log


def batches():
    dem, out = layers()['dem'].id(), lambda name: os.path.join(OUT, name)
    found['raster_batch'] = batch('rasterexpression', [{'INPUTS': [dem], 'EXPRESSION': 'A*%d' % i, 'OUTPUT': out('times%d.tif' % i)} for i in (2, 3)])
    found['near_batch'] = batch('neartable', [{'INPUT': layers()['places'].id(), 'NEAR': layers()['rivers'].id(), 'CLOSEST': i, 'OUTPUT': out('closest%d.gpkg' % i)}
                                              for i in (1, 2)])


def cancel():
    """In the middle: nothing is left, and it does not take long."""
    output = os.path.join(OUT, 'cancelled.tif')
    made = dialog('rasterexpression', {'INPUTS': [layers()['large'].id()], 'EXPRESSION': 'focal_median(A, 31)', 'OUTPUT': output})
    made.runButton().click()
    bars = [bar for bar in made.findChildren(QProgressBar) if bar.isVisible()]
    until(lambda: any(0 < bar.value() < 100 for bar in bars))
    picture(made, 'running')
    start = time.monotonic()
    made.cancelButton().click()
    until(lambda: not made.cancelButton().isEnabled() and made.runButton().isEnabled())
    found['cancelled'] = {'seconds': time.monotonic() - start, 'log': text_of(made), 'left': [name for name in os.listdir(OUT) if 'cancelled' in name]}
    made.close()


def begin():
    assert 'fishnet' in plugins, 'the plugin is not loaded: %s' % sorted(plugins)
    iface.mainWindow().resize(1200, 800)
    project = QgsProject.instance()
    project.setCrs(QgsCoordinateReferenceSystem('EPSG:4326'))
    project.addMapLayers([QgsRasterLayer(os.path.join(DATA, name), name.split('.')[0]) for name in ('dem.tif', 'other.tif', 'large.vrt', 'two.vrt')])
    project.addMapLayers([QgsVectorLayer(os.path.join(DATA, name + '.shp'), name) for name in ('places', 'rivers', 'sheets')])
    source = 'FISHNET:%s|option:CALC=sqrt(A*0.3048)' % os.path.join(DATA, 'dem.tif')
    iface.addRasterLayer(source, source.split('/')[-1], 'gdal')
    for part in (expression, bands, tables, others, batches, cancel):
        part()
    found['layers'] = sorted(layers())
    found['links'] = [one.layerType() for one in layers()['places near rivers'].renderer().symbol().symbolLayers()]
    if 'links' in GIVEN: links, = [layer for layer in layers().values() if 'near' in layer.name()]
    print('\n' + json.dumps(found), flush=True)
    project.clear()
    project.setDirty(False)
    iface.actionExit().trigger()


def attempt():
    try:
        begin()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)


QTimer.singleShot(0, attempt)
