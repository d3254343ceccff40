"""Servers that fail: what comes out is right, or an error that says why. Never a result with other pixels."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'driver'), os.path.join(HERE, '..', 'distributed'), HERE]

import numpy as np  # noqa: E402
from osgeo import gdal  # noqa: E402

from common import Case, good, patience, run, write  # noqa: E402
import object_store  # noqa: E402
from remote_common import ENVIRONMENT, STRIPS, Served, pixels  # noqa: E402


class TestFaults(Served):
    FILES = ('deflate.tif', 'raw.tif', 'pixel.tif')

    def outcome(self, file, *words, right=None, says=(), env=None):
        """Right, or an error; `right`: which of them."""
        done, got = self.translate('FISHNET:' + self.server.name(file), 'out-' + file, *words, env=env)
        if done.returncode == 0:
            self.assertTrue(np.array_equal(got[0] if got.ndim == 3 else got, pixels(1)), 'other pixels, and no error')
        if right is not None:
            self.assertEqual(done.returncode == 0, right, done.stderr)
        if done.returncode != 0:
            self.assertIn(file, done.stderr)
            for word in says:
                self.assertIn(word, done.stderr)
        return done

    def each(self, kind, right=None, says=(), words=(), files=FILES, env=None, **how):
        """Files of their own, some at a time: they wait for each other's pauses."""
        def check(number, file, more):
            own = f'{kind}-{number}-{file}'
            os.link(self.path(file), self.path(own))
            self.server.fault(own, kind, **how)
            try:
                self.outcome(own, *words, *more, right=right, says=says, env=env)
            except AssertionError as error:
                return f'{kind} {how}, {file}, {more}: {error}'
            finally:
                os.unlink(self.path(own))
            return ''
        cases = [(file, more) for file in files
                 for more in (((), ('-oo', 'THREADS_PER_WORKER=4'), ('-oo', 'WORKERS=PROCESSES')) if file == files[0] else ((),))]
        with ThreadPoolExecutor(4) as pool:
            wrong = list(filter(None, pool.map(lambda case: check(case[0], *case[1]), enumerate(cases))))
        self.assertEqual(wrong, [])

    def several(self, *calls):
        """each() with those arguments, at the same time."""
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(self.each, *arguments, **more) for arguments, more in calls]:
                done.result()

    def test_once(self):
        """What fails once is asked for again."""
        self.several(*(((kind, True), {'after': 6, 'times': 1}) for kind in ('500', '503', '429', 'cut', 'reset', 'close')))

    def test_for_ever(self):
        self.several(*(((kind, False, ('HTTP response code: ' + kind,)), {'words': ('-oo', 'RETRIES=1'), 'after': 6}) for kind in ('404', '403', '500')))

    def test_from_the_beginning(self):
        for kind in ('404', '403', '500'):
            self.each(kind, right=False, says=('HTTP response code: ' + kind,), files=('deflate.tif',))

    def test_first_open(self):
        """What a server does not give when a dataset is opened is asked for again, RETRIES times, after the pause that it asks for; a file that it does not have is not."""
        def check(number, kind, how, words, attempts, url):
            own = f'first-{number}.tif'
            os.link(self.path('deflate.tif'), self.path(own))
            self.server.fault(own, kind, **how)
            name = f'{self.server.host}/{own}' if url else self.server.name(own)
            done, got = self.translate('FISHNET:' + name, 'out-' + own, '--debug', 'FISHNET', *words)
            log = [entry for entry in self.server.stats()['log'] if entry[1] == own]
            case = f'{kind} {how} {words}: {done.stderr[:2000]} {log}'
            right = how.get('times', 99) < 99
            self.assertEqual(done.returncode == 0, right, case)
            if right:
                self.same(got, pixels(1))
            else:
                self.assertTrue('HTTP response code: ' + kind in done.stderr, case)
                self.assertEqual(f'(tried {attempts} times)' in done.stderr, attempts > 1, case)
            if attempts:  # some versions of GDAL ask again by themselves
                self.assertEqual(len(re.findall('cannot be opened: .*Attempt [0-9]+ of [0-9]+ comes in', done.stderr)), attempts - 1, case)
            if attempts == 1:
                self.assertLess(log[-1][5] - log[0][5], patience(2), case)
            if 'wait' in how:
                pauses = [after[5] - before[5] for before, after in zip(log, log[1:])]
                self.assertGreaterEqual(max(pauses), how['wait'] - 0.1, case)
        cases = [('503', {'times': 3}, (), 2, False), ('500', {'times': 4}, (), 3, False), ('close', {'times': 2}, (), None, False), ('502', {'times': 2, 'every': 2}, (), None, False),
                 ('429', {'times': 3, 'wait': 3}, (), 2, False), ('503', {'times': 3}, (), 2, True), ('503', {}, ('-oo', 'RETRIES=1'), 2, False), ('503', {}, ('-oo', 'RETRIES=0'), 1, False),
                 ('404', {}, (), 1, False), ('403', {}, (), 1, False), ('403', {'after': 1}, (), 1, False)]
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(check, number, *case) for number, case in enumerate(cases)]:
                done.result()

    def far_apart(self):
        """Files whose tags lie in several pieces of the file: what cannot be read of them GDAL leaves out, with a warning or none."""
        tiled = ('TILED=YES', 'BLOCKXSIZE=16', 'BLOCKYSIZE=16')
        nodata = write(self.path('far_nodata.tif'), pixels(1), nodata=-9999, options=tiled)
        with config_of({'GDAL_TIFF_INTERNAL_MASK': 'YES'}):
            masked = write(self.path('far_mask.tif'), pixels(1), options=tiled)
            dataset = gdal.Open(masked, gdal.GA_Update)
            dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
            dataset.GetRasterBand(1).GetMaskBand().WriteArray((pixels(1) > 0).astype(np.uint8) * 255)
            dataset = None
        return nodata, masked

    def test_first_open_of_what_lies_apart(self):
        """A tag or a mask that a server does not give at once is asked for again; a file is never opened without it."""
        def check(path, number, **how):
            own = f'apart-{number}-' + os.path.basename(path)
            os.link(path, self.path(own))
            self.server.fault(own, **how)
            window = ['-srcwin', '500', '500', '40', '40']
            done = run('gdal_translate', '-q', '-of', 'GTiff', *window, '-oo', 'RETRIES=2', 'FISHNET:' + self.server.name(own),
                       self.path('out-' + own), env=dict(ENVIRONMENT, GDAL_TIFF_INTERNAL_MASK='YES'))
            if 'times' not in how:
                return f'{how}: {done.stderr}' if done.returncode == 0 or own not in done.stderr else ''
            want = gdal.Translate('', path, format='MEM', srcWin=[500, 500, 40, 40])
            got = gdal.Open(self.path('out-' + own)) if done.returncode == 0 else None
            bands = [(dataset.GetGeoTransform(), dataset.GetRasterBand(1).GetNoDataValue(), dataset.GetRasterBand(1).GetMaskFlags(),
                      dataset.ReadAsArray().tolist(), dataset.GetRasterBand(1).GetMaskBand().ReadAsArray().tolist()) for dataset in (want, got) if dataset]
            return '' if bands[0] == bands[-1] and got is not None else f'{how}: {done.stderr} {[band[:3] for band in bands]}'
        cases = [(path, {'kind': kind, 'after': after, 'times': 1}) for path in self.far_apart() for kind in ('500', 'cut') for after in range(1, 7)]
        cases += [(path, {'kind': '500', 'begin': begin}) for path in self.far_apart() for begin in (1, 16384)]
        with ThreadPoolExecutor(4) as pool:
            wrong = list(filter(None, pool.map(lambda case: check(case[1][0], case[0], **case[1][1]), enumerate(cases))))
        self.assertEqual(wrong, [])

    def test_first_open_of_what_lies_beside(self):
        """.aux.xml and .msk that a server does not give at once are asked for again. Where it never says that there is one, the file is opened with a warning."""
        plain = write(self.path('plain.tif'), pixels(1))
        with open(plain + '.aux.xml', 'w', encoding='utf-8') as file:
            file.write('<PAMDataset><PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>')
        with config_of({'GDAL_TIFF_INTERNAL_MASK': 'NO'}):
            masked = gdal.Open(write(self.path('masked.tif'), pixels(1)), gdal.GA_Update)
            masked.CreateMaskBand(gdal.GMF_PER_DATASET)
            masked = None

        def check(number, file, ending, how, found, warned):
            own = f'beside-{number}.tif'
            os.link(self.path(file), self.path(own))
            os.link(self.path(file + ending), self.path(own + ending))
            self.server.fault(own + ending, **how)
            done = run('gdalinfo', '-oo', 'RETRIES=1', 'FISHNET:' + self.server.name(own), env={'GDAL_DISABLE_READDIR_ON_OPEN': 'TRUE'})
            good = done.returncode == 0 and ('NoData Value=7' in done.stdout or 'Mask Flags: PER_DATASET' in done.stdout) == found
            return '' if good and (f'HTTP response code on {self.server.host}/{own}' in done.stderr) == warned else f'{ending} {how}: {done.stdout} {done.stderr}'
        cases = [(file, ending, {'kind': kind, 'after': after, 'times': 1}, True, False)
                 for file, ending in (('plain.tif', '.aux.xml'), ('masked.tif', '.msk')) for kind, after in (('500', 0), ('500', 1), ('429', 0), ('cut', 1), ('close', 1))]
        cases += [('plain.tif', '.aux.xml', {'kind': '503'}, False, True), ('plain.tif', '.aux.xml', {'kind': '503', 'after': 1}, False, True),
                  ('plain.tif', '.aux.xml', {'kind': '404'}, False, False)]
        with ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(filter(None, pool.map(lambda case: check(case[0], *case[1]), enumerate(cases)))), [])

    def test_cut_again_and_again(self):
        self.each('cut', after=5, every=3, words=('-oo', 'RETRIES=1'))
        self.each('cut', right=False, after=5, words=('-oo', 'RETRIES=1'))

    def test_no_ranges(self):
        self.each('no_ranges', right=False, words=('-oo', 'RETRIES=0'), files=('deflate.tif', 'raw.tif'))
        self.each('no_ranges', right=False, after=6, words=('-oo', 'RETRIES=0'), files=('deflate.tif',))

    def test_connections_that_break(self):
        self.each('close', right=False, after=6, words=('-oo', 'RETRIES=1'), files=('raw.tif',))

    def test_other_file(self):
        """The file is another one from some request on."""
        for after in (2, 4, 8, STRIPS):
            self.each('other', right=False, after=after, words=('-oo', 'RETRIES=0'), files=('raw.tif',))
        self.each('other', right=False, after=6, words=('-oo', 'RETRIES=1'), files=('deflate.tif',))

    def test_other_file_in_a_window(self):
        for window in (('100', '100', '500', '600'), ('0', '100', '900', '600')):
            self.server.fault('raw.tif', 'other', after=3)
            self.outcome('raw.tif', '-srcwin', *window, right=False, says=('an input has changed since it was opened', 'raw.tif'))
        self.server.fault('raw.tif', 'none')

    def test_other_file_is_named(self):
        self.server.fault('raw.tif', 'other', after=8)
        done = self.outcome('raw.tif', right=False, says=('an input has changed since it was opened', 'raw.tif'))
        self.server.fault('raw.tif', 'none')
        self.assertNotIn('Success', done.stderr)

    def test_pauses(self):
        """Attempts come after half a second, a second and two, and a little more."""
        self.server.fault('raw.tif', '500', after=5)
        begin = time.monotonic()
        self.outcome('raw.tif', '-oo', 'RETRIES=2', '-oo', 'READERS=1', '-oo', 'NUM_WORKERS=1', right=False)
        self.assertGreaterEqual(time.monotonic() - begin, 1.5)
        self.server.fault('raw.tif', 'none')


    def test_limits(self):
        """Retry-After is heeded, as seconds and as a date, by threads and by processes: the one attempt that is left comes when the server gives the file again."""
        def check(words, wait, date):
            own = f'limits-{len(words)}-{wait}-{date}.tif'
            os.link(self.path('deflate.tif'), self.path(own))
            self.server.fault(own, '429', after=4, wait=wait, **({'date': 1} if date else {}))
            process = subprocess.Popen(['gdal_translate', '-q', '--debug', 'FISHNET', '-oo', 'CALC=A+0', '-oo', 'RETRIES=1', *words, 'FISHNET:' + self.server.name(own), self.path('out-' + own)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(os.environ, **ENVIRONMENT))
            deadline = time.monotonic() + patience(30)
            while time.monotonic() < deadline and not any(entry[1] == own and entry[3] == 429 for entry in self.server.stats()['log']):
                time.sleep(0.05)
            time.sleep(2)  # another attempt comes after a second at the most, otherwise
            self.server.fault(own, 'none')
            return process.communicate(timeout=patience(60))[1], process.returncode
        cases = [(words, wait, date) for words in ((), ('-oo', 'WORKERS=PROCESSES')) for wait, date in ((6, False), (7, True))]
        with ThreadPoolExecutor(len(cases)) as pool:
            done = list(pool.map(lambda case: check(*case), cases))
        for case, (said, code) in zip(cases, done):
            with self.subTest(case=case):
                self.assertEqual(code, 0, said)
                self.assertRegex(said, 'HTTP response code: 429 for .*, to be asked again in [0-9]+ s')

    def test_limits_leave_no_holes(self):
        """A worker that cannot read where blocks are, because another one has made GDAL forget it, takes none of them for a hole. (One run of eight showed it.)"""
        def wrong(number):
            own = f'holes-{number}.tif'
            os.link(self.path('raw.tif'), self.path(own))
            self.server.fault(own, '429', after=3 + number % 4)
            options = ['-oo', 'CALC=A+0', '-oo', 'OT=Int16', '-oo', 'NODATA=-32000', '-oo', 'ON_ERROR=NODATA', '-oo', 'RETRIES=0']
            process = subprocess.Popen(['gdal_translate', '-q', *options, 'FISHNET:' + self.server.name(own), self.path('out-' + own)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, **ENVIRONMENT))
            deadline = time.monotonic() + patience(30)
            while time.monotonic() < deadline and process.poll() is None and not any(entry[1] == own and entry[3] == 429 for entry in self.server.stats()['log']):
                time.sleep(0.01)
            time.sleep(0.1)
            self.server.fault(own, 'none')
            if process.wait(patience(60)) != 0:
                return 0
            got = gdal.Open(self.path('out-' + own)).ReadAsArray()
            return int(np.sum((got != pixels(1)) & (got != -32000)))
        with ThreadPoolExecutor(4) as pool:
            self.assertEqual(sum(pool.map(wrong, range(24))), 0)

    def test_limits_that_are_long(self):
        """Nobody waits for an hour."""
        self.server.fault('raw.tif', '503', after=5, wait=3600)
        self.outcome('raw.tif', '-oo', 'RETRIES=0', '-oo', 'WORKERS=PROCESSES', '-oo', 'READERS=1', '-oo', 'NUM_WORKERS=1', right=False,
                     says=('to be asked again in 3600 s (60 s are waited at most)',))
        self.server.fault('raw.tif', 'none')

    def test_end_while_workers_wait(self):
        """A program ends with its error, and not before workers have left the files of a mosaic, which a server keeps waiting."""
        mosaic = self.path('mosaic.vrt')
        with config_of(ENVIRONMENT):
            gdal.BuildVRT(mosaic, [self.server.name('left.tif'), self.server.name('right.tif')]).FlushCache()
        self.server.fault('right.tif', 'stall')
        done = run('gdal_translate', '-q', '-oo', 'RETRIES=0', '-oo', 'READERS=3', 'FISHNET:' + mosaic, self.path('out.tif'), env=dict(ENVIRONMENT, GDAL_HTTP_TIMEOUT='1'))
        self.server.fault('right.tif', 'none')
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_answers_that_are_odd(self):
        """Servers that send on, answer by old rules, encode, give less than was asked for, or change a file without a tag."""
        odd = ('deflate.tif', 'raw.tif')
        right = [((kind, True), {'files': odd, **how}) for kind, how in (('redirect301', {}), ('redirect302', {'lasts': 0.3}), ('redirect307', {'after': 4}), ('http10', {}), ('trickle', {}))]
        right.append((('403', True), {'files': odd, 'after': 5, 'begin': 500000, 'times': 2}))
        wrong = [((kind, False), {'files': odd, 'words': ('-oo', 'RETRIES=0'), **how}) for kind, how in
                 (('gzip', {'after': 5}), ('short', {'after': 5}), ('other_time', {'after': 5}), ('other_size', {'after': 5}), ('403', {'begin': 500000}))]
        slow = [(('stall', True), {'files': odd[1:], 'after': 5, 'times': 1, 'env': {'GDAL_HTTP_LOW_SPEED_TIME': '1', 'GDAL_HTTP_LOW_SPEED_LIMIT': '1000'}})]
        self.several(*right, *wrong, *slow)


class TestCredentials(Case):
    """What GDAL signs requests with reaches the workers, and nobody else."""
    SECRET, KEY = 'Xq8secretsecretZ', 'AKIAOFTHISTEST'

    def test_processes(self):
        with object_store.serve() as (store, environment):
            store.put('in/a.tif', self.file())
            heads = []
            plain = object_store.Handler.note

            def note(handler):
                heads.append(handler.headers.get('Authorization', ''))
                plain(handler)
            object_store.Handler.note = note
            self.addCleanup(setattr, object_store.Handler, 'note', plain)
            del environment['AWS_SECRET_ACCESS_KEY'], environment['AWS_ACCESS_KEY_ID']
            said, seen = [], []
            trace = self.path('trace.json')
            options = dict(environment, AWS_SECRET_ACCESS_KEY=self.SECRET, AWS_ACCESS_KEY_ID=self.KEY, CPL_DEBUG='ON', FISHNET_TRACE=trace,
                           GDAL_DISABLE_READDIR_ON_OPEN='EMPTY_DIR')
            gdal.PushErrorHandler(lambda kind, number, text: said.append(text))
            try:
                with config_of(options):
                    dataset = gdal.OpenEx('FISHNET:/vsis3/in/a.tif', gdal.OF_RASTER, open_options=['CALC=A+1', 'WORKERS=PROCESSES', 'NUM_WORKERS=2'])
                    before = len(heads)
                    got = dataset.ReadAsArray()
                    seen = self.processes()
                    dataset = None
            finally:
                gdal.PopErrorHandler()
            self.same(got, (pixels(1, 700) + 1.0).astype(np.float32))
            self.assertGreater(len(heads), before)
            self.assertTrue(all(self.KEY in head for head in heads), heads)
            self.assertGreaterEqual(len(seen), 2)
            with open(trace, encoding='utf-8') as file:
                for text in (*seen, *said, file.read()):
                    self.assertNotIn(self.SECRET, text)

    def file(self):
        write(self.path('a.tif'), pixels(1, 700), options=('TILED=YES',))
        with open(self.path('a.tif'), 'rb') as file:
            return file.read()

    @staticmethod
    def processes():
        """The arguments and environments of the worker processes of this one."""
        found = []
        for entry in os.listdir('/proc'):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f'/proc/{entry}/cmdline', 'rb') as file:
                    line = file.read()
                if b'fishnet-worker' in line:
                    with open(f'/proc/{entry}/environ', 'rb') as file:
                        found.append((line + file.read()).decode('utf-8', 'replace'))
            except OSError:
                pass
        return found


@unittest.skipUnless(shutil.which('moto_server'), 'needs moto (Debian: python3-moto)')
class TestS3Server(Case):
    """An S3 server that others have written, which checks signatures."""

    def setUp(self):
        super().setUp()
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        server = subprocess.Popen(['moto_server', '-p', str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        deadline = time.monotonic() + patience(60)
        while not self.answers():
            self.assertLess(time.monotonic(), deadline, 'moto_server does not answer')
            time.sleep(0.1)

    def ask(self, method, path, content=b'', service='s3', kind='application/octet-stream'):
        """As anybody, before signatures are checked."""
        headers = {'Content-Type': kind, 'Authorization': f'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=x'}
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}/{path}', data=content or None, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    def answers(self):
        try:
            return bool(self.ask('GET', 'moto-api/data.json'))
        except OSError:
            return False

    def user(self):
        """A user who may do all, and the two parts of his key."""
        def call(text):
            return self.ask('POST', '', text.encode(), 'iam', 'application/x-www-form-urlencoded')
        call('Action=CreateUser&UserName=u&Version=2010-05-08')
        policy = urllib.parse.quote('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}')
        call('Action=PutUserPolicy&UserName=u&PolicyName=p&Version=2010-05-08&PolicyDocument=' + policy)
        text = call('Action=CreateAccessKey&UserName=u&Version=2010-05-08')
        return [re.search(f'<{name}>(.*?)</{name}>', text)[1] for name in ('AccessKeyId', 'SecretAccessKey')]

    def test_credentials(self):
        key, secret = self.user()
        write(self.path('a.tif'), pixels(1, 700), options=('TILED=YES', 'BLOCKXSIZE=128', 'BLOCKYSIZE=128', 'COMPRESS=DEFLATE'))
        self.ask('PUT', 'bucket')
        with open(self.path('a.tif'), 'rb') as file:
            self.ask('PUT', 'bucket/in/a.tif', file.read())
        self.ask('POST', 'moto-api/reset-auth', b'0')
        where = {'AWS_S3_ENDPOINT': f'127.0.0.1:{self.port}', 'AWS_HTTPS': 'NO', 'AWS_VIRTUAL_HOSTING': 'FALSE', 'AWS_REGION': 'us-east-1',
                 'AWS_ACCESS_KEY_ID': key, 'CPL_DEBUG': 'ON', 'GDAL_DISABLE_READDIR_ON_OPEN': 'EMPTY_DIR'}
        for words in ((), ('-oo', 'WORKERS=PROCESSES', '-oo', 'NUM_WORKERS=2')):
            for right in (True, False):
                with self.subTest(words=words, right=right):
                    trace, out = self.path('trace.json'), self.path('out.tif')
                    done = run('gdal_translate', '-oo', 'CALC=A+1', '-oo', 'RETRIES=0', *words, 'FISHNET:/vsis3/bucket/in/a.tif', out,
                               env=dict(where, AWS_SECRET_ACCESS_KEY=secret if right else 'another', FISHNET_TRACE=trace))
                    self.assertEqual(done.returncode == 0, right, done.stderr)
                    self.assertNotIn(secret, done.stderr + done.stdout)
                    if right:
                        self.same(gdal.Open(out).ReadAsArray(), (pixels(1, 700) + 1.0).astype(np.float32))
                        with open(trace, encoding='utf-8') as file:
                            self.assertNotIn(secret, file.read())
                        os.unlink(trace)
                    else:
                        self.assertIn('signature', done.stderr)


class TestOtherFormats(Served):
    """Drivers that take what is missing for pixels that are not stored, for the end of a file, or for a file that is not there."""

    @classmethod
    def prepare(cls):
        super().prepare()
        for file, driver in (('a.img', 'HFA'), ('a.dat', 'ENVI'), ('a.pix', 'PCIDSK')):
            gdal.Translate(cls.path(file), cls.path('deflate.tif'), format=driver, srcWin=[0, 0, 256, 256])
        with open(cls.path('points.csv'), 'w', encoding='utf-8') as file:
            file.write('id,x,y\n' + ''.join(f'{i},{i * 37 % 5000},{i * 91 % 4999}\n' for i in range(5000)))
        words = ['-oo', 'X_POSSIBLE_NAMES=x', '-oo', 'Y_POSSIBLE_NAMES=y']
        for file, driver in (('points.fgb', 'FlatGeobuf'), ('points.shp', 'ESRI Shapefile'), ('points.geojsonl', 'GeoJSONSeq')):
            good('ogr2ogr', '-f', driver, cls.path(file), cls.path('points.csv'), *words, *(['-lco', 'SPATIAL_INDEX=NO'] if driver == 'FlatGeobuf' else []))

    def output(self, command, place, name):
        """How the command ends, and the bytes that it writes."""
        out = self.path(name + '.csv')
        if os.path.exists(out):
            os.unlink(out)
        done = run(*command(place, out), env={'GDAL_DISABLE_READDIR_ON_OPEN': 'TRUE'})
        if done.returncode != 0:
            return done, None
        with open(out, 'rb') as file:
            return done, file.read()

    def each(self, files, command, lasting=False):
        """command: of the place of files and an output. files: those of a dataset, with the numbers of requests that fail, once. What comes is
        as with the files on this machine; where requests fail for ever (lasting), an error that names the file."""
        done, want = self.output(command, self.path(''), 'here')
        self.assertEqual(done.returncode, 0, done.stderr)

        def check(number, beside, how):
            for file, _ in files:
                link = self.path(f'{number}-{file}')
                if not os.path.exists(link):
                    os.link(self.path(file), link)
            self.server.fault(f'{number}-{beside}', **how)
            done, got = self.output(command, self.server.name(f'{number}-'), str(number))
            right = got == want if 'times' in how else got is None and f'/{number}-' in done.stderr
            return '' if right else f'{beside} {how}: {done.stderr[:1500]}'
        cases = [(file, {'kind': kind, 'after': after, 'times': 1}) for file, requests in files for kind in ('500', 'cut') for after in requests]
        cases += [(files[0][0], {'kind': '500', 'after': after}) for after in (min(files[0][1]), max(files[0][1]))] if lasting else []
        with ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(filter(None, pool.map(lambda case: check(case[0], *case[1]), enumerate(cases)))), [])

    def test_rasters(self):
        def translate(file):
            return lambda place, out: ['gdal_translate', '-q', '-of', 'ENVI', '-oo', 'RETRIES=1', 'FISHNET:' + place + file, out]
        self.each([('a.img', range(1, 6))], translate('a.img'), lasting=True)
        self.each([('a.dat', range(0, 4)), ('a.hdr', (0, 1))], translate('a.dat'))
        self.each([('a.pix', range(3, 8, 2))], translate('a.pix'))

    def test_tables(self):
        def near(file):
            return lambda place, out: ['ogr2ogr', '-f', 'CSV', out, 'NEARTABLE:' + place + file, '-oo', 'NEAR=' + self.path('points.fgb'), '-oo', 'EXCLUDE_SELF=NO', '-oo', 'FIELDS=*',
                                       '-oo', 'CLOSEST=2', *(['-oo', 'OO=X_POSSIBLE_NAMES=x;Y_POSSIBLE_NAMES=y'] if file.endswith('csv') else [])]
        self.each([('points.fgb', range(1, 8))], near('points.fgb'), lasting=True)
        self.each([('points.fgb', range(1, 8, 2))], lambda place, out: ['ogr2ogr', '-f', 'CSV', out, 'ZONALSTATS:' + place + 'points.fgb', '-oo', 'RASTER=' + self.path('raw.tif')])
        self.each([('points.csv', range(1, 6))], near('points.csv'))
        self.each([('points.geojsonl', range(1, 6))], near('points.geojsonl'))
        self.each([('points.dbf', (0, 1)), ('points.shp', range(1, 5)), ('points.shx', (0, 1))], near('points.shp'), lasting=True)

    def test_where_results_lie(self):
        """What LIKE, SNAP and EXTENT name; features in the order of their x, so that a part of them has another extent."""
        points = sorted((2000 + i * 37 % 5000, i * 91 % 4999 - 4000) for i in range(5000))
        with open(self.path('sorted.csv'), 'w', encoding='utf-8') as file:
            file.write('x,y\n' + ''.join(f'{x},{y}\n' for x, y in points))
        words = [self.path('sorted.csv'), '-oo', 'X_POSSIBLE_NAMES=x', '-oo', 'Y_POSSIBLE_NAMES=y', '-s_srs', 'EPSG:32633']
        good('ogr2ogr', '-f', 'ESRI Shapefile', self.path('sorted.shp'), *words, '-t_srs', 'EPSG:32633')
        good('ogr2ogr', '-f', 'GeoJSONSeq', self.path('sorted.geojsonl'), *words, '-t_srs', 'EPSG:4326')
        gdal.Translate(self.path('like.tif'), self.path('deflate.tif'), srcWin=[100, 200, 400, 300], creationOptions=['TILED=YES'])
        gdal.Translate(self.path('like.img'), self.path('like.tif'), format='HFA')

        def onto(option, file):
            return lambda place, out: ['gdal_translate', '-q', '-of', 'GTiff', '-mask', 'none', '-oo', f'{option}={place}{file}', 'FISHNET:' + self.path('raw.tif'), out]
        self.each([('sorted.geojsonl', range(1, 6))], onto('EXTENT', 'sorted.geojsonl'), lasting=True)
        self.each([('sorted.shp', range(0, 3)), ('sorted.prj', (0, 1)), ('sorted.shx', (0, 1))], onto('EXTENT', 'sorted.shp'))
        self.each([('like.tif', range(0, 3))], onto('LIKE', 'like.tif'), lasting=True)
        self.each([('like.tif', range(1, 4))], onto('EXTENT', 'like.tif'))
        self.each([('like.img', range(1, 4))], onto('LIKE', 'like.img'))


class config_of:
    def __init__(self, options):
        self.options = options

    def __enter__(self):
        for key, value in self.options.items():
            gdal.SetConfigOption(key, value)

    def __exit__(self, *_):
        for key in self.options:
            gdal.SetConfigOption(key, None)


if __name__ == '__main__':
    unittest.main()
