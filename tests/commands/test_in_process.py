"""fishnet_call: the module in a program of others, asked by several threads at once."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'driver'))
from common import Case, good, real  # noqa: E402

MODULE = os.path.join(os.environ['GDAL_DRIVER_PATH'].split(':')[0], 'gdal_FISHNET.so')
PROGRAM = '''
import ctypes, sys, threading
module = ctypes.CDLL(sys.argv[1])
TELL = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p)
begin, answers = threading.Barrier(8), []
def plan():
    told = []
    tell = TELL(lambda level, text: told.append((level, text)))
    words = (ctypes.c_char_p * 3)(b'plan', sys.argv[2].encode(), None)
    begin.wait()
    answers.append((module.fishnet_call(words, tell, None), told))
threads = [threading.Thread(target=plan) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for answer in answers:
    print(answer)
'''


class TestInProcess(Case):
    def test_first_calls_at_once(self):
        """Nobody has registered GDAL's drivers before, which GDAL does in one thread at a time only."""
        job = self.path('job.fishnet.json')
        with open(job, 'w') as file:
            json.dump({'type': 'fishnet_raster', 'inputs': {'A': real('olinda.tif')}, 'calc': 'A*2', 'output': 'twice.vrt'}, file)
        for _ in range(15):
            answers = good(sys.executable, '-c', PROGRAM, MODULE, job, timeout=60).splitlines()
            self.assertEqual(len(answers), 8)
            self.assertEqual(len(set(answers)), 1, answers)
            self.assertIn('output: %s' % self.path('twice.vrt'), answers[0])


if __name__ == '__main__':
    unittest.main()
