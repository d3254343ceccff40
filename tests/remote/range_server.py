"""A server of byte ranges that is far away: it answers late, keeps connections, fails as it is told, and has a log of what was asked of it."""
import argparse
import contextlib
import email.utils
import gzip
import http.server
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request


class Fault:
    """What goes wrong. `after`: requests of a file that are answered well before; `times`: how often it happens then; `every`: only
    to each such request of them; `begin`: only to requests of bytes from there on. `wait`: Retry-After of a status, in seconds, as a
    date if `date`. `lasts`: seconds that what a redirection names can be read."""

    def __init__(self, kind, after=0, times=1 << 30, every=1, begin=0, wait='', date='', lasts=60):
        self.kind, self.after, self.times, self.every = kind, int(after), int(times), int(every)
        self.begin, self.wait, self.date, self.lasts = int(begin), wait, bool(date), float(lasts)

    def happens(self, number, begin):
        beyond = number - self.after
        return begin >= self.begin and beyond > 0 and beyond % self.every == 0 and beyond // self.every <= self.times

    def headers(self):
        if not self.wait:
            return {}
        when = email.utils.formatdate(time.time() + float(self.wait), usegmt=True)
        return {'Retry-After': when if self.date else self.wait}


class State:
    def __init__(self, root, delay):
        self.root, self.delay = root, delay
        self.lock = threading.Lock()
        self.gathered, self.gather, self.waiting = threading.Condition(), 0, 0
        self.faults, self.used = {}, set()
        self.reset()

    def reset(self):
        with self.lock:
            self.log, self.flying, self.most, self.bytes, self.counts, self.connections = [], 0, 0, 0, {}, 0
            self.begin = time.monotonic()

    def land(self):
        """Until what has been answered is in the log, too, or a second."""
        end = time.monotonic() + 1
        while self.flying and time.monotonic() < end:
            time.sleep(0.001)

    def wait_for_others(self):
        """Until that many are in flight, once, or until they can be taken not to come."""
        with self.gathered:
            if self.gather == 0:
                return
            self.waiting += 1
            if self.waiting >= self.gather:
                self.gather = 0
                self.gathered.notify_all()
            else:
                self.gathered.wait_for(lambda: self.gather == 0, timeout=60)
            self.waiting -= 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = 1 << 16
    state = None

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.state.lock:
            self.state.connections += 1

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        if not self.path.startswith('/-/'):
            return self.answer()
        what, _, rest = self.path[3:].partition('?')
        state = self.state
        if what == 'stats':
            state.land()
            with state.lock:
                text = json.dumps({'log': state.log, 'most': state.most, 'bytes': state.bytes, 'connections': state.connections})
        elif what == 'reset':
            state.land()
            state.reset()
            text = '{}'
        else:
            given = dict(item.split('=', 1) for item in rest.split('&') if item)
            state.delay = float(given.pop('delay', state.delay))
            state.gather = int(given.pop('gather', 0))
            name = given.pop('name', None)
            if name:
                with state.lock:
                    state.counts.pop(name, None)
                state.faults[name] = Fault(**given)
            text = '{}'
        return self.send(200, text.encode(), {})

    def hang_up(self, reset=False):
        """reset: by a packet that says so, instead of an end."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, status, body, headers, cut='', size=None):
        """cut: what becomes of the second half of the body."""
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header('Content-Length', str(len(body) if size is None else size))
        self.end_headers()
        if self.command == 'HEAD':
            return
        if cut == 'trickle':
            for at in range(0, len(body), 16384):
                self.wfile.write(body[at:at + 16384])
                self.wfile.flush()
                time.sleep(0.02)
            return
        self.wfile.write(body[:len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            time.sleep(30 if cut == 'stall' else 0)
            self.hang_up(cut == 'reset')

    def answer(self):
        state, name = self.state, self.path.split('?')[0].lstrip('/')
        with state.lock:
            state.flying += 1
            state.most = max(state.most, state.flying)
            number = state.counts[name] = state.counts.get(name, 0) + 1
        status, sent, begin = 500, 0, time.monotonic()
        try:
            time.sleep(state.delay)
            if not (self.headers.get('Range') or 'bytes=0-').startswith('bytes=0-'):
                state.wait_for_others()
            status, sent = self.give(name, number)
        finally:
            with state.lock:
                state.flying -= 1
                state.bytes += sent
                times = [round(at - state.begin, 4) for at in (begin, time.monotonic())]
                state.log.append((self.command, name, self.headers.get('Range'), status, sent, *times))

    def give(self, name, number):
        wanted = re.match(r'bytes=(\d+)-(\d*)', self.headers.get('Range') or '')
        begin = int(wanted[1]) if wanted else 0
        fault = self.state.faults.get(name)
        kind = fault.kind if fault and fault.happens(number, begin) else ''
        if name.startswith('signed/'):  # what a redirection names
            _, deadline, name = name.split('/', 2)
            with self.state.lock:
                first = self.path not in self.state.used  # which comes in time, however slow the client is
                self.state.used.add(self.path)
            if not first and time.time() > float(deadline):
                self.send(403, b'', {})
                return 403, 0
        if kind.startswith('redirect'):
            status = int(kind[len('redirect'):])
            self.send(status, b'', {'Location': f'/signed/{time.time() + fault.lasts}/{name}'})
            return status, 0
        if kind.isdigit():
            self.send(int(kind), b'', fault.headers())
            return int(kind), 0
        if kind == 'close':
            self.hang_up()
            return 0, 0
        return self.give_file(os.path.join(self.state.root, name), wanted if kind != 'no_ranges' else None, kind)

    def give_file(self, path, wanted, kind):
        if not os.path.isfile(path):
            self.send(404, b'', {})
            return 404, 0
        size, when = os.path.getsize(path), os.path.getmtime(path)
        begin = int(wanted[1]) if wanted else 0
        end = min(int(wanted[2]) + 1 if wanted and wanted[2] else size, size)
        if begin >= size:
            self.send(416, b'', {'Content-Range': f'bytes */{size}'})
            return 416, 0
        if kind == 'short' and end - begin > 1:
            end -= (end - begin) // 2
        with open(path, 'rb') as file:
            file.seek(begin)
            body = file.read(end - begin) if self.command == 'GET' else None
        if kind.startswith('other') and self.command == 'GET':
            body = bytes(byte ^ 0x55 for byte in body)
        size += kind == 'other_size'
        headers = {'Last-Modified': email.utils.formatdate(when + 5 * (kind == 'other_time'), usegmt=True)}
        if kind not in ('other_time', 'no_tag'):
            headers['ETag'] = '"other"' if kind == 'other' else f'"{size:x}-{int(when * 1e6):x}"'
        if kind != 'no_ranges':
            headers['Accept-Ranges'] = 'bytes'
        if kind == 'gzip':
            headers['Content-Encoding'] = 'gzip'
            body = body and gzip.compress(body, 1)
        if kind == 'http10':
            self.close_connection = True
            headers['Connection'] = 'close'
        if wanted:
            headers['Content-Range'] = f'bytes {begin}-{end - 1}/{size}'
        count = len(body) if body is not None else end - begin + (kind == 'other_size' and not wanted)
        self.send(206 if wanted else 200, body, headers, cut=kind if kind in ('cut', 'reset', 'stall', 'trickle') else '', size=count)
        return 206 if wanted else 200, len(body) if body else 0


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """Clients break connections, and are meant to."""


class Client:
    """The server as its starter sees it."""

    def __init__(self, port, process):
        self.port, self.process = port, process
        self.host = f'http://127.0.0.1:{port}'

    def name(self, file):
        return f'/vsicurl/{self.host}/{file}'

    def ask(self, what):
        with urllib.request.urlopen(f'{self.host}/-/{what}') as answer:
            return json.loads(answer.read())

    def reset(self):
        self.ask('reset')

    def stats(self):
        return self.ask('stats')

    def delay(self, seconds):
        self.ask(f'set?delay={seconds}')

    def gather(self, count):
        """What is asked for beyond headers is answered once `count` such requests are in flight; from then on at once."""
        self.reset()
        self.ask(f'set?gather={count}')

    def fault(self, name, kind, **how):
        """Counts the requests of that file from here on."""
        self.ask(f'set?name={name}&kind={kind}' + ''.join(f'&{key}={value}' for key, value in how.items()))


@contextlib.contextmanager
def serve(root, delay=0):
    """Starts it in a process of its own: its threads do not wait for those of its starter."""
    process = subprocess.Popen([sys.executable, os.path.abspath(__file__), root, '--delay', str(delay)], stdout=subprocess.PIPE, text=True)
    try:
        yield Client(int(process.stdout.readline()), process)
    finally:
        process.terminate()
        process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('root')
    parser.add_argument('--delay', type=float, default=0)
    given = parser.parse_args()
    Handler.state = State(given.root, given.delay)
    server = Server(('127.0.0.1', 0), Handler)
    print(server.server_address[1], flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == '__main__':
    main()
