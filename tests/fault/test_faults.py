"""Real faults of real processes and files: signals from outside, corrupt blocks, truncated files, hosts that are killed."""
import contextlib
import http.server
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import processes
from common import Case, collect_errors, config, files, fishnet, good, oo, patience, real, run, write

import numpy as np
from osgeo import gdal

HEAVY = '+'.join('sin(A*%d)*cos(A/%d)*atan(A-%d)' % (i, i, i) for i in range(1, 150))
SLOW = {'TILE_SIZE': 64, 'NUM_WORKERS': 2}
KINDS = ('THREADS', 'PROCESSES')


class Faults(Case):
    @classmethod
    def prepare(cls):
        cls.source = gdal.Open(real('dem.tif')).ReadAsArray(0, 0, 1500, 1100)
        cls.a = write(cls.path('a.tif'), cls.source, -999, options=['TILED=YES', 'COMPRESS=DEFLATE', 'BLOCKXSIZE=256', 'BLOCKYSIZE=256'])
        cls.broken = cls.path('broken.tif')
        cls.hole = (512, 256, 256, 256)
        shutil.copy(cls.a, cls.broken)
        cls.break_block(cls.broken, 2, 1)

    @staticmethod
    def break_block(path, column, row):
        """Overwrites bytes inside a block."""
        band = gdal.Open(path).GetRasterBand(1)
        offset, size = (int(band.GetMetadataItem('BLOCK_%s_%d_%d' % (what, column, row), 'TIFF')) for what in ('OFFSET', 'SIZE'))
        band = None
        with open(path, 'r+b') as f:
            f.seek(offset)  # its head: what is wrong further in, libdeflate may decode to something
            f.write(b'\xff' * min(200, size))

    def nothing_left(self):
        self.assertTrue(processes.until(lambda: not processes.helpers() and not processes.zombies(), 2), 'processes are left')
        self.assertEqual(processes.shared_memory(), [])

    def in_background(self, function):
        box = []

        def guarded():
            try:
                box.append(function())
            except Exception as error:  # noqa: B902  looked at by the test
                box.append(error)
        thread = threading.Thread(target=guarded)
        thread.start()
        return thread, box

    # ---- workers ----

    def test_a_worker_that_always_dies(self):
        """The text names dataset, window, signal and the number of attempts."""
        dataset = fishnet(self.a, HEAVY, WORKERS='PROCESSES', RETRIES=1, TILE_SIZE=512, NUM_WORKERS=1)
        thread, box = self.in_background(lambda: dataset.ReadAsArray(512, 512, 10, 10))
        killed = set()
        while thread.is_alive():
            for worker in processes.workers():
                if worker not in killed:
                    killed.add(worker)
                    time.sleep(0.05)
                    processes.send(worker, processes.SEGMENT)
            time.sleep(0.01)
        thread.join()
        self.assertIsInstance(box[0], RuntimeError)
        for word in (self.a, 'x=512 y=512 512x512', 'SIGSEGV', 'tried 2 times', 'worker process'):
            self.assertIn(word, str(box[0]))
        self.assertEqual(len(killed), 2)
        box.clear()  # its traceback holds the dataset
        dataset = None
        self.nothing_left()

    def test_stopped_and_helper_killed(self):
        want = fishnet(self.a, HEAVY, WORKERS='THREADS', **SLOW).ReadAsArray(0, 0, 640, 640)
        for what in ('worker', 'helper', 'stopped helper'):
            dataset = fishnet(self.a, HEAVY, WORKERS='PROCESSES', TASK_TIMEOUT='%.1f' % patience(1), RETRIES=4, **SLOW)
            thread, box = self.in_background(lambda: dataset.ReadAsArray(0, 0, 640, 640))
            worker = processes.until(processes.workers, 5)[0]
            helper = processes.helpers()[0]
            time.sleep(0.05)
            if what != 'worker':
                processes.send(helper, processes.STOP if what == 'stopped helper' else processes.KILL)
            if what != 'helper':
                processes.send(worker, processes.STOP if what == 'worker' else processes.KILL)
            thread.join(patience(60))
            self.assertFalse(thread.is_alive(), what)
            if isinstance(box[0], Exception):
                raise box[0]
            self.same(box[0], want, what)
            self.assertGreater(int(dataset.GetMetadataItem('TASKS_REPEATED', 'FISHNET')), 0, what)
            dataset = None
            self.nothing_left()

    # ---- data ----

    def test_corrupt_block(self):
        """Reported with the window of its tile; the rest can be read."""
        x, y, width, height = self.hole
        for kind in KINDS:
            dataset = fishnet(self.broken, 'A*2', WORKERS=kind, TILE_SIZE=256, RETRIES=1)
            with self.assertRaises(RuntimeError) as caught:
                dataset.ReadAsArray()
            for word in (self.broken, 'x=512 y=256 256x256', 'tried 2 times'):
                self.assertIn(word, str(caught.exception), kind)
            self.same(dataset.ReadAsArray(0, 0, 512, 256), (self.value() * 2).astype(np.float32)[:256, :512], kind)

    def value(self):
        return np.where(self.source == -999, np.nan, self.source.astype(np.float64))

    def test_corrupt_block_as_nodata(self):
        """Its tile is NoData, one warning tells of it, the rest is right, the list names it; with CALC and without."""
        x, y, width, height = self.hole
        for kind in KINDS:
            for calcs in (('A*2',), ()):
                dataset = fishnet(self.broken, *calcs, WORKERS=kind, TILE_SIZE=256, RETRIES=1, ON_ERROR='NODATA')
                seen, handler = collect_errors()
                gdal.PushErrorHandler(handler)
                try:
                    got = dataset.ReadAsArray()
                finally:
                    gdal.PopErrorHandler()
                filled = [text for level, text in seen if 'filled with NoData' in text]
                self.assertEqual(len(filled), 1, seen)
                self.assertIn('x=512 y=256 256x256', filled[0])
                self.assertEqual([level for level, text in seen if level >= gdal.CE_Failure], [], seen)
                want = (self.value() * 2).astype(np.float32) if calcs else self.source.copy()
                want[y:y + height, x:x + width] = np.nan if calcs else -999
                self.same(got, want, '%s %s' % (kind, calcs))
                report = dataset.GetMetadata('FISHNET')
                self.assertEqual(report['TILES_FAILED'], '1')
                self.assertIn('x=512 y=256 256x256', report['TILE_FAILED_1'])

    def test_truncated_netcdf(self):
        """A real netCDF-4 file without its end."""
        whole = self.path('whole.nc')
        good('gdal_translate', '-q', '-of', 'netCDF', '-co', 'FORMAT=NC4', '-co', 'COMPRESS=DEFLATE', self.a, whole)
        cut = self.path('cut.nc')
        with open(whole, 'rb') as f, open(cut, 'wb') as g:
            g.write(f.read()[:os.path.getsize(whole) * 6 // 10])
        for kind in KINDS:
            done = run('gdal_translate', '-q', 'FISHNET:' + cut, self.path('o.tif'), *oo('A*2', WORKERS=kind, RETRIES=1, TILE_SIZE=256))
            self.assertEqual(done.returncode, 1, kind)
            self.assertIn(cut, done.stderr)
            self.assertEqual(done.stderr.count('ERROR'), 1, done.stderr)

    @contextlib.contextmanager
    def server(self):
        """A server of a.tif: its URL, and an event; until that is set, it has nothing but the beginning of the file."""
        with open(self.a, 'rb') as f:
            data = f.read()
        repaired = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.answer(200, data, send=False)

            def do_GET(self):
                span = re.match(r'bytes=(\d+)-(\d+)', self.headers.get('Range', 'bytes=0-%d' % (len(data) - 1)))
                first, last = int(span.group(1)), min(int(span.group(2)), len(data) - 1)
                if first > 0 and not repaired.is_set():
                    self.answer(500, b'')
                else:
                    self.answer(206, data[first:last + 1], 'bytes %d-%d/%d' % (first, last, len(data)))

            def answer(self, code, body, content_range=None, send=True):
                self.send_response(code)
                self.send_header('Content-Length', str(len(body)))
                self.send_header('Accept-Ranges', 'bytes')
                self.send_header('Last-Modified', 'Sat, 28 Nov 2026 00:00:00 GMT')
                if content_range:
                    self.send_header('Content-Range', content_range)
                self.end_headers()
                if send:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield '/vsicurl/http://127.0.0.1:%d/a.tif' % server.server_port, repaired
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)

    def test_a_read_error_that_passes(self):
        """A server that fails for a moment: a later attempt opens the file anew, and all is well."""
        for kind in KINDS:
            with self.server() as (url, repaired), config('GDAL_DISABLE_READDIR_ON_OPEN', 'EMPTY_DIR'), config('GDAL_HTTP_PROXY', ''):
                dataset = fishnet(url, 'A*2', WORKERS=kind, TILE_SIZE=256, NUM_WORKERS=2, RETRIES=20)

                def repair():
                    processes.until(lambda: int(dataset.GetMetadataItem('TASKS_REPEATED', 'FISHNET')) > 0, 10)
                    repaired.set()
                thread = threading.Thread(target=repair)
                thread.start()
                got = dataset.ReadAsArray()
                thread.join()
                self.same(got, (self.value() * 2).astype(np.float32), kind)
                self.assertGreater(int(dataset.GetMetadataItem('TASKS_REPEATED', 'FISHNET')), 0, kind)
                dataset = None

    # ---- the host ----

    def host(self, *options, **popen):
        """gdal_translate in the middle of a long job; (process, helper, workers)."""
        self.out = self.path('host.tif')
        if os.path.exists(self.out):
            os.unlink(self.out)
        child = subprocess.Popen(['gdal_translate', '-q', *options, 'FISHNET:' + self.a, self.out, *oo(HEAVY, WORKERS='PROCESSES', **SLOW)],
                                 start_new_session=True, stderr=subprocess.DEVNULL, **popen)
        workers = processes.until(lambda: len(processes.workers(child.pid)) == 2 and processes.workers(child.pid), 10)
        self.assertTrue(workers, 'no workers')
        return child, processes.helpers(child.pid)[0], workers

    def test_host_killed_or_interrupted(self):
        for number, group in ((signal.SIGKILL, False), (signal.SIGINT, True), (signal.SIGTERM, False)):
            child, helper, workers = self.host()
            time.sleep(random.Random(number).uniform(0, 0.3))
            self.assertIsNone(child.poll())
            os.killpg(child.pid, number) if group else child.send_signal(number)
            child.wait(patience(5))
            self.assertTrue(processes.until(lambda: not processes.alive([helper, *workers]), 2), number)
            self.assertNotEqual(child.returncode, 0)
            if os.path.exists(self.out):  # cut off, or with blocks that are not there
                try:
                    band = gdal.Open(self.out).GetRasterBand(1)
                    last = band.GetMetadataItem('BLOCK_OFFSET_0_%d' % ((band.YSize - 1) // band.GetBlockSize()[1]), 'TIFF')
                    self.assertIn(last, (None, '0'), 'it looks complete')
                except RuntimeError:
                    pass

    def test_idle_workers_use_no_cpu(self):
        dataset = fishnet(self.a, 'A*2', WORKERS='PROCESSES', NUM_WORKERS=3, TILE_SIZE=256)
        dataset.ReadAsArray()
        everybody = processes.helpers() + processes.workers()
        self.assertGreaterEqual(len(everybody), 2)  # a worker begins with its first task

        def are_idle():
            before, own = [processes.stat(p)[3] for p in everybody], sum(os.times()[:2])
            time.sleep(1)
            return [processes.stat(p)[3] for p in everybody] == before and sum(os.times()[:2]) - own < 0.1
        self.assertTrue(processes.until(are_idle, 5))
        dataset = None
        self.nothing_left()

    def test_closed_in_the_middle(self):
        """One task of many seconds in each worker."""
        before = files()
        dataset = fishnet(self.a, HEAVY + '+' + HEAVY, WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=1500)
        dataset.AdviseRead(0, 0, 1500, 1100)
        self.assertTrue(processes.until(processes.workers, 5))
        time.sleep(0.2)
        begin = time.monotonic()
        dataset = None
        self.assertLess(time.monotonic() - begin, patience(1.5))
        self.nothing_left()
        self.assertTrue(processes.until(lambda: files() == before, 2))

    def test_helper_missing(self):
        """The module alone in another folder: an error that names the program."""
        module = next(os.path.join(f, 'gdal_FISHNET.so') for f in os.environ['GDAL_DRIVER_PATH'].split(':')
                      if os.path.exists(os.path.join(f, 'gdal_FISHNET.so')))
        folder = self.path('alone')
        os.mkdir(folder)
        shutil.copy(module, folder)
        done = run('gdal_translate', '-q', 'FISHNET:' + self.a, self.path('o.tif'), *oo('A', WORKERS='PROCESSES'), env={'GDAL_DRIVER_PATH': folder})
        self.assertEqual(done.returncode, 1)
        for word in (os.path.join(folder, 'fishnet-worker'), 'cannot be started', 'No such file'):
            self.assertIn(word, done.stderr)

    def test_helper_of_a_relative_folder(self):
        """The module was found in a relative folder, and the host has changed its own since: the program is the one beside the module."""
        plugins = next(f for f in os.environ['GDAL_DRIVER_PATH'].split(':') if os.path.exists(os.path.join(f, 'gdal_FISHNET.so')))
        for folder in ('before/plugins', 'after/plugins'):
            os.makedirs(self.path(folder))
            shutil.copy(os.path.join(plugins, 'gdal_FISHNET.so'), self.path(folder))
        shutil.copy(os.path.join(plugins, 'fishnet-worker'), self.path('before/plugins'))
        with open(self.path('after/plugins/fishnet-worker'), 'w') as file:
            file.write('#!/bin/sh\ntouch %s\n' % self.path('executed'))
        os.chmod(self.path('after/plugins/fishnet-worker'), 0o755)
        host = ('import os\nfrom osgeo import gdal\ngdal.UseExceptions()\nos.chdir("%s")\n'
                'print(gdal.OpenEx("FISHNET:%s", open_options=["CALC=A+1", "WORKERS=PROCESSES"]).ReadAsArray(0, 0, 2, 1).tolist())'
                % (self.path('after'), self.a))
        done = run(sys.executable, '-W', 'ignore', '-c', host, cwd=self.path('before'), env={'GDAL_DRIVER_PATH': 'plugins'})
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout.strip(), str((self.source[:1, :2] + 1.0).tolist()))
        self.assertFalse(os.path.exists(self.path('executed')))

    def test_inputs_of_this_process_alone(self):
        with open(self.a, 'rb') as file:
            gdal.FileFromMemBuffer('/vsimem/fault.tif', file.read())
        self.refused('/vsimem/fault.tif', 'WORKERS=THREADS', path='/vsimem/fault.tif', calcs=['A'], WORKERS='PROCESSES')
        gdal.Unlink('/vsimem/fault.tif')
        memory = gdal.GetDriverByName('MEM').Create('', 20, 20)
        pixels = memory.ReadAsArray()
        with config('GDAL_MEM_ENABLE_OPEN', 'YES'):  # later GDALs open memory by its address only with that
            self.refused('memory', 'WORKERS=THREADS', path='MEM:::DATAPOINTER=%d,PIXELS=20,LINES=20,DATATYPE=Byte' % pixels.ctypes.data,
                         calcs=['A'], WORKERS='PROCESSES')

    def test_relative_name(self):
        """The folder is changed after opening."""
        folder = os.getcwd()
        try:
            os.chdir(self.folder)
            dataset = fishnet('a.tif', 'A*2', B='broken.tif', WORKERS='PROCESSES', TILE_SIZE=256)
            os.chdir('/')
            self.same(dataset.ReadAsArray(0, 0, 256, 256), (self.value() * 2).astype(np.float32)[:256, :256])
        finally:
            os.chdir(folder)

    # ---- configuration ----

    def test_secrets(self):
        """Options arrive in the workers, however they were set, and show in no command line."""
        child, helper, workers = self.host('--config', 'AWS_SECRET_ACCESS_KEY', 'open-sesame-4711')
        try:
            for process in (helper, *workers):
                for what in ('cmdline', 'environ'):
                    with open('/proc/%d/%s' % (process, what), 'rb') as f:
                        self.assertNotIn(b'open-sesame', f.read(), what)
        finally:
            child.kill()
            child.wait()

    def test_options_arrive(self):
        """GDAL_SKIP, set after the host has registered its drivers, keeps a worker from finding its own."""
        for thread in (False, True):
            dataset = fishnet(self.a, 'A', WORKERS='PROCESSES')
            dataset.ReadAsArray(0, 0, 1, 1)
            with config('GDAL_SKIP', 'GTiff LIBERTIFF', thread=thread):  # since GDAL 3.11 there are two that read the file
                dataset = fishnet(self.a, 'A', WORKERS='PROCESSES', RETRIES=0)
            with self.assertRaises(RuntimeError) as caught:
                dataset.ReadAsArray(0, 0, 1, 1)
            self.assertIn('a worker process cannot open its input', str(caught.exception))

    def test_warnings_once(self):
        """What a driver says while a worker reads reaches the host's handler, once, with the worker's context. The configuration option
        without which there is no Python pixel function arrives too."""
        vrt = self.path('warns.vrt')
        with open(vrt, 'w') as f:
            f.write('<VRTDataset rasterXSize="512" rasterYSize="256"><VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand">'
                    '<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode><![CDATA[\n'
                    'from osgeo import gdal\n'
                    'def f(inputs, out, xoff, yoff, xsize, ysize, *more, **options):\n'
                    '    gdal.Error(gdal.CE_Warning, 1, "look at column %%d" %% xoff)\n'
                    '    out[:] = inputs[0]\n'
                    ']]></PixelFunctionCode><SimpleSource><SourceFilename>%s</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>' % self.a)
        for thread in (False, True):
            with config('GDAL_VRT_ENABLE_PYTHON', 'YES', thread=thread):
                dataset = fishnet(vrt, 'A*2', WORKERS='PROCESSES', NUM_WORKERS=2, TILE_SIZE=256)
                seen, handler = collect_errors()
                gdal.PushErrorHandler(handler)
                try:
                    pixels = dataset.ReadAsArray()
                finally:
                    gdal.PopErrorHandler()
            self.same(pixels, (self.value() * 2).astype(np.float32)[:256, :512])
            for x in (0, 256):
                mine = [text for level, text in seen if text.endswith('look at column %d' % x)]
                self.assertEqual(len(mine), 1, seen)
                self.assertRegex(mine[0], r'tile x=%d y=0 256x256, worker process \d+: ' % x)
            self.assertEqual(len(seen), 2, seen)


if __name__ == '__main__':
    unittest.main()
