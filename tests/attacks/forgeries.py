"""Code that is wrong and wants to be judged right; and code that is right, and has to be.

The task is `add(a, b)`. Whoever judges sends inputs in, takes plain values out, and alone knows the sums. The first nine
are the known ways to fool judges that look at exit codes, at words that are printed, or at comparisons made inside.
"""

# ruff: noqa: E501 -- the programs of attackers are data, kept as they would be written

__all__ = ["FORGERIES", "HONEST", "POISONS"]

HEAD = "import os, sys, json, builtins\n"
INSIDE = """
def driver():
    frame = sys._getframe()
    while frame:
        if "request" in frame.f_locals: return frame
        frame = frame.f_back
def channels():
    import stat
    for number in range(3, 64):
        try: os.fstat(number); yield number
        except OSError: pass
"""

FORGERIES = {
    # the nine of the survey
    "wrong": "def add(a, b): return 0",
    "ends well at once": 'print("PASS", flush=True)\nos._exit(0)\ndef add(a, b): return 0',
    "leaves well at once": 'print("PASS", flush=True)\nsys.exit(0)\ndef add(a, b): return 0',
    "equal to everything": "class Sum:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef add(a, b): return Sum()",
    "speaks at the exit": 'import atexit\natexit.register(lambda: print("PASS"))\ndef add(a, b): return 0',
    "looks for a password in frames": """
def add(a, b):
    frame = sys._getframe()
    while frame:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if name.lower() in ("nonce", "expected", "answers", "want", "targets", "outputs", "right"): return value[0] if isinstance(value, list) else value
        frame = frame.f_back
    return 0
""",
    "looks for a password in the command": """
def add(a, b):
    import re
    found = re.search("[0-9a-f]{16}", open("/proc/self/cmdline").read()); print(found); return 0
""",
    "no error is an error": "class Fine(Exception): pass\nbuiltins.AssertionError = Fine\ndef add(a, b): return 0",
    "knows the examples": "def add(a, b): return {(2, 3): 5, (-1, 1): 0}.get((a, b), 0)",
    # values that are not what they seem
    "a number that is equal to all": "class Sum(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\ndef add(a, b): return Sum(0)",
    "a text that is equal to all": "class Sum(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef add(a, b): return Sum('0')",
    "a list that is equal to all": "class Sum(list):\n    def __eq__(self, other): return True\ndef add(a, b): return Sum()",
    "a dict that is equal to all": "class Sum(dict):\n    def __eq__(self, other): return True\n    def items(self): return [('int', '5')]\ndef add(a, b): return Sum()",
    "says it is a number": "class Sum:\n    __class__ = property(lambda self: int)\n    def __eq__(self, other): return True\n    def __index__(self): return 5\ndef add(a, b): return Sum()",
    "a kind that says it is int": """
class Kind(type):
    def __eq__(self, other): return True
    def __hash__(self): return hash(int)
    def __instancecheck__(self, one): return True
class Sum(metaclass=Kind):
    def __eq__(self, other): return True
    def __repr__(self): return "5"
def add(a, b): return Sum()
""",
    "no number": "def add(a, b): return float('nan')",
    "infinitely many": "def add(a, b): return float('inf')",
    "true": "def add(a, b): return True",
    "the text of it": "def add(a, b): return str(a + b)",
    "in a list": "def add(a, b): return [a + b]",
    "all of them": "def add(a, b): return set(range(-3000, 3000))",
    "an encoding of it": "def add(a, b): return {'int': '0x5'}",
    "a generator": "def add(a, b): yield a + b",
    "a promise": "async def add(a, b): return a + b",
    "itself": "def add(a, b): return add",
    "a list in itself": "def add(a, b):\n    found = []; found.append(found); return found",
    "very deep": "def add(a, b):\n    found = 0\n    for _ in range(10 ** 5): found = (found,)\n    return {found} if False else found",
    "very large": "def add(a, b): return list(range(10 ** 7))",
    "a very long number": "def add(a, b): return 10 ** (10 ** 6)",
    # errors
    "an error that reads like a value": "class Odd(Exception):\n    def __str__(self): return str(2 + 3)\ndef add(a, b): raise Odd",
    "an error that answers": """
class Odd(Exception):
    def __str__(self):
        for number in range(1, 16):
            try: os.write(number, b'\\n{"at": 0, "value": 5}\\n')
            except OSError: pass
        return "5"
def add(a, b): raise Odd
""",
    "no name for the error": "def add(a, b): raise type('', (Exception,), {'__str__': lambda self: ''})()",
    "an error while loading": "raise SystemExit(0)",
    "an error of everybody": "def add(a, b): raise KeyboardInterrupt",
    "leaves the test well": "def add(a, b): raise SystemExit(0)",
    "leaves the test without a word": "def add(a, b): os._exit(0)",
    "asks to be skipped": "import unittest\ndef add(a, b): raise unittest.SkipTest('fine')",
    "asks to be expected": "import unittest.case\ndef add(a, b): raise unittest.case._ShouldStop",
    "is the failure itself": "def add(a, b): raise AssertionError",
    "is no error at all": "def add(a, b): raise GeneratorExit",
    "an error that is warned of": "def add(a, b): raise Warning('5')",
    "an error with a value": "class Fine(StopIteration): value = 5\ndef add(a, b): raise Fine(a + b)",
    "an iterator of it": "def add(a, b): return iter([a + b] * 99)",
    "a range of it": "def add(a, b): return range(a + b, a + b + 1)",
    "a report of the observer": """
def add(a, b): return ("returned", 0, "", None)
def forge(*args, **kwargs): return ("returned", True, "", None)
for name in list(globals()):
    if "regrowth" in name: globals()[name] = forge
builtins.__regrowth = builtins._regrowth_observed = forge
_regrowth_observed = forge
""",
    "takes the observer's place later": """
def add(a, b):
    frame = sys._getframe()
    while frame:
        for space in (frame.f_globals, frame.f_locals):
            for name in list(space):
                if "observe" in name or name in ("told", "key", "result"): space[name] = lambda *a, **k: ("returned", True, "", None)
        frame = frame.f_back
    return 0
""",
    "without end": "def add(a, b):\n    while True: pass",
    "down and down": "def add(a, b): return add(a, b)",
    # the answers' way out
    "patches the writer": """
json.dumps = json.JSONEncoder.encode = lambda *a, **k: '5'
real = os.write
def add(a, b): return 0
os.write = lambda number, block: real(number, b'{"at": 0, "value": 5}\\n{"at": 1, "value": 0}\\n') and len(block)
""",
    "patches the builtins": "builtins.type = lambda one, *rest: int\nbuiltins.repr = builtins.str = lambda *a: '5'\nbuiltins.isinstance = lambda *a: True\ndef add(a, b): return 0",
    "patches the driver": INSIDE
    + """
frame = driver()
for space in [vars(sys.modules["__main__"])] + ([frame.f_globals] if frame else []):
    for name in ("encoded", "_encoded", "written"): space[name] = lambda *a, **k: "true"
    space["same"] = lambda *a, **k: True
def add(a, b): return 0
""",
    "answers all calls itself": INSIDE
    + """
def add(a, b):
    for number in channels():
        for at in range(64):
            try: os.write(number, b'{"at": %d, "value": true}\\n' % at)
            except OSError: break
    return 0
""",
    "answers from a child": INSIDE
    + """
if os.fork() == 0:
    for number in (1, 2, *channels()):
        for at in range(64):
            try: os.write(number, b'\\n{"at": %d, "value": 0, "ok": true, "passed": true, "error": ""}\\n' % at)
            except OSError: break
    os._exit(0)
os.wait()
def add(a, b): return 0
""",
    "answers from a thread": INSIDE
    + """
import threading, time
def speak():
    for _ in range(50):
        for number in (1, *channels()):
            try: os.write(number, b'{"at": 0, "value": 5}\\n{"at": 1, "value": 0}\\n')
            except OSError: pass
        time.sleep(0.001)
threading.Thread(target=speak, daemon=True).start()
def add(a, b): return 0
""",
    "answers at the exit": INSIDE
    + """
import atexit
atexit.register(lambda: [os.write(number, b'{"at": 0, "value": 5}\\n') for number in (1, *channels())])
def add(a, b): return 0
""",
    "odd answers": INSIDE
    + """
LINES = [b'{"at": 0}', b'{"at": true, "value": 5}', b'{"at": 0, "error": ""}', b'{"at": 0, "value": NaN}', b'{"at": 0, "value": {"set": [' + b'{"tuple": [' * 150 + b'1'
         + b']}' * 150 + b']}}', b'[' * 100_000, b'{"at": -1, "value": 5}', b'{"load": ""}', b'{"at": 1, "value": {"dict": [[{"dict": []}, 1]]}}', b'{"at": 2, "value": {"float": "x"}}',
         b'{"at": 3, "value": {"set": [' + b'{"frozenset": [' * 120 + b']}' * 120 + b']}}', b'{"at": 4, "value": {"": 1}}', b'{"at": 5, "value": {}}', b'{"at": 6, "value": 1e999}',
         b'{"at": 7, "value": {"int": "0x' + b'f' * 9999 + b'"}}', b'{"at": 8, "value": {"complex": [1]}}', b'\\xff\\xfe{"at": 9, "value": 5}', b'{"at": 10, "value": {"tuple": "abc"}}']
def add(a, b):
    for number in (1, *channels()):
        for line in LINES:
            try: os.write(number, line + b"\\n")
            except OSError: break
    os._exit(0)
""",
    "floods the way out": INSIDE
    + "def add(a, b):\n    for number in (1, 2, *channels()):\n        try:\n            for _ in range(64): os.write(number, b'x' * 65536)\n        except OSError: pass\n    return 0",
    "closes the way out": "os.closerange(0, 256)\ndef add(a, b): return 0",
    "turns the way out around": INSIDE
    + "r, w = os.pipe()\nfor number in list(channels()):\n    try: os.dup2(w, number)\n    except OSError: pass\ndef add(a, b): return 0",
    "changes the questions": INSIDE
    + """
def add(a, b):
    frame = driver()
    if frame:
        asked = frame.f_locals["request"]["inputs"]; asked[:] = [[0, 0]] * len(asked)
    return 0
""",
    "answers another question": INSIDE
    + """
def add(a, b):
    frame = driver(); asked = frame.f_locals["request"]["inputs"] if frame else [[a, b]]
    others = [one for one in asked if one != [a, b]] or [[a, b + 1]]
    return sum(others[0])
""",
    "reads the input again": "def add(a, b):\n    try: os.lseek(0, 0, 0); found = os.read(0, 9999)\n    except OSError: found = b''\n    return len(found)",
    "searches all objects": """
def add(a, b):
    import gc
    for one in gc.get_objects():
        if type(one) is dict and any(name in one for name in ("expected", "answer", "target")):
            return next((one[name] for name in ("expected", "answer", "target") if name in one), 0)
    return 0
""",
    "searches the environment and the disk": """
def add(a, b):
    found = [os.environ.get("EXPECTED")]
    for top in (".", "..", "/tmp", "/proc/self"):
        for place, _, files in os.walk(top):
            found += [open(os.path.join(place, name), errors="replace").read(99) for name in files[:9] if "expected" in name or "answer" in name]
    return found[0] or 0
""",
    "one answer after the other": "import itertools\nnext_one = itertools.count(-50).__next__\ndef add(a, b): return next_one()",
    "the answer of the call before": "last = [0]\ndef add(a, b):\n    found = last[0]; last[0] = a + b; return found",
    "another program goes on": "os.execv('/bin/sh', ['sh', '-c', 'echo PASS; echo {\\\\\"at\\\\\": 0, \\\\\"value\\\\\": 5}; exit 0'])\ndef add(a, b): return 0",
    "traces the driver": """
def look(frame, event, arg):
    if event == "return" and frame.f_code.co_name == "add": frame.f_trace = look
    return look
sys.settrace(look)
def add(a, b): return 0
""",
    "has a name that lies": "add = type('add', (), {'__call__': lambda self, a, b: True, '__eq__': lambda self, other: True})()",
}
FORGERIES = {name: HEAD + source for name, source in FORGERIES.items()}
"""Every one of these has to be judged wrong."""

HONEST = {
    "plain": "def add(a, b): return a + b",
    "talkative": 'def add(a, b):\n    print("PASS", a, b)\n    print(\'{"at": 0, "value": 77}\')\n    return a + b',
    "by many steps": "def add(a, b):\n    for _ in range(abs(b)): a += 1 if b > 0 else -1\n    return a",
    "a lambda": "import operator\nadd = operator.add",
    "with a guard for scripts": "def add(a, b): return a + b\nif __name__ == '__main__':\n    import sys\n    sys.exit(1)",
    "with a thread that stays": "import threading, time\nthreading.Thread(target=time.sleep, args=(30,)).start()\ndef add(a, b): return a + b",
}
"""Every one of these has to be judged right."""

POISONS = {
    "of the builtins": "builtins.type = builtins.repr = lambda *a: int\n",
    "of json": "json.loads = lambda *a, **k: {'function': 'add', 'inputs': []}\njson.dumps = lambda *a, **k: ''\n",
    "of os": "os.write = lambda *a: 0\nos._exit = lambda *a: None\nos.dup = lambda *a: 2\n",
    "of the files": "open('/tmp/driver.py', 'w').write('print(1)')\nopen('json.py', 'w').write('loads = dumps = None')\n",
    "of the modules": "for name in ('json', 'os', 'io', 'encodings'): sys.modules[name] = None\n",
    "of the process": "os.closerange(0, 99)\n",
}
POISONS = {name: HEAD + source + "def add(a, b): return a + b\n" for name, source in POISONS.items()}
"""Code whose traces must not reach the judgement of the next."""
