"""Expressions in which layers have their names in QGIS, "landsat@2" or landsat, as the driver takes them: by the names of inputs."""
import re

from qgis.core import QgsProcessingException

from .functions import functions

TOKEN = re.compile(r'''"(?P<quoted>[^"]*)"|'[^']*'|\d[\w.]*|(?P<word>[A-Za-z_]\w*)(?P<band>@\d+)?|.''', re.S)
BAND = re.compile(r'(.*)@(\d+)', re.S)
PREFIXES = ('np', 'numpy')


def reserved():
    """Words that are no names of inputs."""
    words = {'and', 'or', 'not'}
    for one in functions():
        if one['group'] == 'constants':
            words.update([one['name']] + (one.get('spellings') or []))
    return words


class Names:
    """inputs: what names_of gives; titles: the names of the layers in their order."""

    def __init__(self, inputs, titles):
        self.called, self.titles, at = [name for name, _, _ in inputs], {}, 0
        for name, count, stack in inputs:
            for number, title in enumerate(titles[at:at + count], 1):
                self.titles.setdefault(title, []).append('item(%s%%s, %d)' % (name, number) if stack else name + '%s')
            at += count
        self.known = ', '.join('%s (%s)' % (name, '%d rasters' % count if stack else title)
                               for (name, count, stack), title in zip(inputs, self.firsts(inputs, titles)))

    @staticmethod
    def firsts(inputs, titles):
        at = 0
        for _, count, _ in inputs:
            yield titles[at]
            at += count

    def find(self, title, band, position):
        """What is written for a band of a layer, or of an input."""
        found = self.titles.get(title, [title + '%s'] if title in self.called else [])
        if not found:
            raise QgsProcessingException('"%s" at position %d is no input: there is %s' % (title, position + 1, self.known))
        if len(found) > 1:
            raise QgsProcessingException('"%s" at position %d is what several inputs are called: write %s' % (
                title, position + 1, ' or '.join(one % '' for one in found)))
        return found[0] % ('[%s]' % band if band else '')


def is_value(before):
    """Whether a text that stands behind this is one that a function takes: edge="fill", astype("float32")."""
    return before.endswith('astype(') or (before.endswith('=') and not before.endswith(('==', '!=', '<=', '>=')))


def is_name(text, token):
    """Whether a word is one of an input: no function, no keyword of an argument or value of one, no attribute."""
    before, after = text[:token.start()].rstrip(), text[token.end():].lstrip()
    if after.startswith('(') or before.endswith('.') or (token['word'] in PREFIXES and after.startswith('.')):
        return False
    if after.startswith('=') and not after.startswith('=='):
        return False
    return not is_value(before)


def translated(text, inputs, titles):
    """(the expression with names of inputs, where each of its characters comes from)."""
    names, kept, pieces, places = Names(inputs, titles), reserved(), [], []
    for token in TOKEN.finditer(text):
        piece = token[0]
        if token['quoted'] is not None:
            band = None if token['quoted'] in names.titles else BAND.fullmatch(token['quoted'])
            title = band[1] if band else token['quoted']
            if title in names.titles or title in names.called or not is_value(text[:token.start()].rstrip()):
                piece = names.find(title, band[2] if band else '', token.start())
        elif token['band']:
            piece = names.find(token['word'], token['band'][1:], token.start())
        elif token['word'] and token['word'] not in kept and token['word'] not in names.called and token['word'] in names.titles and is_name(text, token):
            piece = names.find(token['word'], '', token.start())
        pieces.append(piece)
        places += [token.start() + (i if piece == token[0] else 0) for i in range(len(piece))]
    return ''.join(pieces), places


def confused(text, inputs, titles):
    """A letter that is an input in its order, while another layer has that name: what to say of it, or nothing."""
    at = 0
    for name, count, stack in inputs:
        if not stack and name in titles and titles[at] != name and re.search(r'(?<![\w"])%s(?![\w"@(])' % name, text):
            return '%s is the input %s, not the layer that is called %s: write "%s@1" for that.' % (name, titles[at], name, name)
        at += count
    return ''
