"""speed_picture.py PAGE SVG: bars of the figures in the tables of docs/SPEED.md that say "picture:" above them; docs/pictures/speed.svg is made so."""
import html
import re
import sys

WIDTH, LEFT, ROW, BAR = 860, 330, 20, 13
OURS, OTHERS = '#c8501e', '#9aa7b4'


def tables(page):
    """(caption, header, rows) of the tables below such a line."""
    with open(page, encoding='utf-8') as file:
        lines = file.read().split('\n')
    for number, line in enumerate(lines):
        caption = re.match(r'<!-- picture: (.*) -->', line)
        if caption:
            end = number + 1
            while lines[end].startswith('|'):
                end += 1
            cells = [[cell.strip() for cell in text.strip('|').split('|')] for text in lines[number + 1:end]]
            yield caption[1], cells[0], cells[2:]


def bars(page):
    """(title, [(label, seconds)]) for each row."""
    for caption, header, rows in tables(page):
        for row in rows:
            found = [(label, re.match(r'([\d.]+) s', cell)) for label, cell in zip(header[1:], row[1:])]
            yield '%s: %s' % (caption, row[0]), [(label.replace('`', ''), float(match[1])) for label, match in found if match]


def draw(page):
    groups = list(bars(page))
    lines, y = [], 14
    for title, values in groups:
        lines.append('<text x="10" y="%d" font-weight="bold">%s</text>' % (y + 4, html.escape(title)))
        y += ROW
        longest = max(seconds for _, seconds in values)
        for number, (label, seconds) in enumerate(values):
            length = (WIDTH - LEFT - 90) * seconds / longest
            lines.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 8, y + 4, html.escape(label)))
            lines.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (LEFT, y - 7, length, BAR, OTHERS if number else OURS))
            lines.append('<text x="%.1f" y="%d">%.1f s</text>' % (LEFT + length + 6, y + 4, seconds))
            y += ROW
        y += 8
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (WIDTH, y, WIDTH, y)
    return '\n'.join([head, '<rect width="100%" height="100%" fill="white"/>'] + lines + ['</svg>', ''])


def main(page, picture):
    with open(picture, 'w', encoding='utf-8') as file:
        file.write(draw(page))


if __name__ == '__main__':
    main(*sys.argv[1:])
