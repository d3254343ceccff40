"""The pages of the documentation for the button Help: of the package, or of the zip, made readable for a browser."""
import html
import os
import re
import tempfile

from qgis.core import QgsProcessingUtils
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QTextDocument

FOLDERS = ('/usr/share/doc/gdal-plugin-fishnet/docs', os.path.join(os.path.dirname(__file__), 'docs'))
LOOKS = '''<meta charset="utf-8"><style>body { max-width: 62em; margin: 2em auto; font-family: sans-serif; line-height: 1.4 }
table { border-collapse: collapse } td, th { padding: 0.2em 0.5em; vertical-align: top } pre { margin: 0; background: #f2f2f2 } img { max-width: 100% }</style>'''
HEADING = re.compile(r'<h([1-6])[^>]*>(.*?)</h\1>', re.S)
TAG = re.compile(r'<[^>]*>')
LINK = re.compile(r'href="(\w+)\.md(#[^"]*)?"')
PICTURE = re.compile(r'src="(pictures/[^"]*)"')


def folder_of(page):
    return next((folder for folder in FOLDERS if os.path.exists(os.path.join(folder, page))), '')


def anchor(title):
    """What links call a heading."""
    return re.sub(r'[^\w\- ]', '', html.unescape(TAG.sub('', title)).lower()).replace(' ', '-')


def readable(text, folder):
    document = QTextDocument()
    document.setMarkdown(text)
    made = HEADING.sub(lambda found: '<h%s id="%s">%s</h%s>' % (found[1], anchor(found[2]), TAG.sub('', found[2]), found[1]), document.toHtml())
    made = LINK.sub(lambda found: 'href="%s.html%s"' % (found[1], found[2] or ''), made)
    made = PICTURE.sub(lambda found: 'src="%s"' % QUrl.fromLocalFile(os.path.join(folder, found[1])).toString(), made)
    return made.replace('<head>', '<head>' + LOOKS, 1)


def make(folder, to):
    """All pages, which lead to each other; whole, or none."""
    part = tempfile.mkdtemp(dir=os.path.dirname(to))
    for name in os.listdir(folder):
        if name.endswith('.md'):
            with open(os.path.join(folder, name), encoding='utf-8') as f, open(os.path.join(part, name[:-3] + '.html'), 'w', encoding='utf-8') as made:
                made.write(readable(f.read(), folder))
    os.rename(part, to)


def address_of(page):
    """Of a page as HTML; empty: there is none."""
    folder = folder_of(page)
    if not folder:
        return ''
    to = os.path.join(QgsProcessingUtils.tempFolder(), 'fishnet_pages')
    try:
        if not os.path.exists(to):
            make(folder, to)
    except OSError:
        return ''
    return QUrl.fromLocalFile(os.path.join(to, page[:-3] + '.html')).toString()
