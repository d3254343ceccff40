"""An object store that speaks enough of S3 for GDAL: in memory, with names whole or not there, and a log of what was asked of it."""
import contextlib
import email.utils
import hashlib
import http.server
import re
import threading
import urllib.parse
import xml.sax.saxutils


class Store:
    def __init__(self):
        self.objects = {}  # 'bucket/name': (bytes, time)
        self.asked = []  # (method, name)
        self.refused = None  # a regular expression: names that cannot be put
        self.lock = threading.Lock()

    def names(self, prefix=''):
        with self.lock:
            return sorted(name for name in self.objects if name.startswith(prefix))

    def put(self, name, content):
        with self.lock:
            self.objects[name] = (content, email.utils.formatdate(usegmt=True))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    store = None

    def log_message(self, *_):
        pass

    def name(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip('/')

    def query(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))

    def answer(self, status, content=b'', **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)

    def note(self):
        with self.store.lock:
            self.store.asked.append((self.command, self.path))

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.note()
        name, query = self.name(), self.query()
        if '/' not in name.rstrip('/') or 'list-type' in query or 'delimiter' in query or 'prefix' in query:
            return self.list(name.split('/')[0], query)
        with self.store.lock:
            found = self.store.objects.get(name)
        if not found:
            return self.answer(404, b'<Error><Code>NoSuchKey</Code></Error>')
        content, time = found
        headers = {'Last_Modified': time, 'ETag': '"%s"' % hashlib.md5(content).hexdigest(), 'Accept_Ranges': 'bytes'}
        wanted = re.match(r'bytes=(\d+)-(\d*)', self.headers.get('Range', ''))
        if not wanted:
            if self.command == 'HEAD':
                self.send_response(200)
                for key, value in headers.items():
                    self.send_header(key.replace('_', '-'), value)
                self.send_header('Content-Length', str(len(content)))
                return self.end_headers()
            return self.answer(200, content, **headers)
        begin, end = int(wanted.group(1)), int(wanted.group(2) or len(content) - 1)
        if begin >= len(content):
            return self.answer(416)
        end = min(end, len(content) - 1)
        return self.answer(206, content[begin:end + 1], Content_Range='bytes %d-%d/%d' % (begin, end, len(content)), **headers)

    def list(self, bucket, query):
        prefix, delimiter = query.get('prefix', ''), query.get('delimiter', '')
        entries, folders = [], set()
        for name in self.store.names(bucket + '/' + prefix):
            key = name[len(bucket) + 1:]
            rest = key[len(prefix):]
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.split(delimiter)[0] + delimiter)
                continue
            with self.store.lock:
                content = self.store.objects[name][0]
            entries.append('<Contents><Key>%s</Key><LastModified>2026-11-29T12:00:00.000Z</LastModified><Size>%d</Size></Contents>'
                           % (xml.sax.saxutils.escape(key), len(content)))
        entries += ['<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>' % xml.sax.saxutils.escape(folder) for folder in sorted(folders)]
        text = ('<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><Prefix>%s</Prefix>'
                '<IsTruncated>false</IsTruncated>%s</ListBucketResult>' % (bucket, xml.sax.saxutils.escape(prefix), ''.join(entries)))
        self.answer(200, text.encode(), Content_Type='application/xml')

    def do_PUT(self):
        self.note()
        if self.headers.get('Transfer-Encoding', '') == 'chunked':
            content = b''
            while True:
                size = int(self.rfile.readline().split(b';')[0], 16)
                content += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
        else:
            content = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.store.refused and re.search(self.store.refused, self.name()):
            return self.answer(403, b'<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>')
        copied = self.headers.get('x-amz-copy-source')
        if copied:
            with self.store.lock:
                content = self.store.objects[urllib.parse.unquote(copied).lstrip('/')][0]
        self.store.put(self.name(), content)
        self.answer(200, b'<CopyObjectResult/>' if copied else b'', ETag='"%s"' % hashlib.md5(content).hexdigest())

    def do_DELETE(self):
        self.note()
        with self.store.lock:
            self.store.objects.pop(self.name(), None)
        self.answer(204)

    def do_POST(self):
        self.note()
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.answer(501, b'<Error><Code>NotImplemented</Code></Error>')


@contextlib.contextmanager
def serve():
    """(the store, the environment in which GDAL finds it behind /vsis3/)"""
    store = Store()
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), type('Of', (Handler,), {'store': store}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield store, {'AWS_S3_ENDPOINT': '127.0.0.1:%d' % server.server_address[1], 'AWS_HTTPS': 'NO', 'AWS_VIRTUAL_HOSTING': 'FALSE',
                      'AWS_ACCESS_KEY_ID': 'key', 'AWS_SECRET_ACCESS_KEY': 'secret', 'AWS_REGION': 'us-east-1'}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
