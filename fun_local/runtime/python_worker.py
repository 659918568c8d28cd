"""What runs inside an instance of a Python function: ``python -W ignore python_worker.py FD LEASH``.

One file, standard library only, for CPython 3.6 and later: it may run on another interpreter than the
rest of us. It talks to the daemon in frames (see frames.py) over the socket FD, never over stdout, which
is the function's own and becomes its log.

    daemon                          worker
      static context     ------>
                         <------    {"kind": "ready", "is_interruptible": true}
      {"kind": 0, ...}   ------>                            0 invoke, 1 initializer, 2 preStop, 3 preFreeze
                                                            with "http": a request, body, for a WSGI handler
                         <------    {"kind": "ok" | "unhandled"}, body
      {"kind": 2, ...} and SIGURG ->                        the handler that runs is interrupted for preStop
                         <------    {"kind": "ok" | "unhandled", "request": 2}
      end of file        ------>    exits

LEASH is a pipe on which nothing is ever sent. When its other end closes the daemon has died, and we and
our children are killed.

Start-up is what a caller waits for, so modules that take long to import wait until they are needed.
"""

# contextlib.suppress would cost an import, hence the bare try statements; long lists of names are text.
# ruff: noqa: SIM105, SIM905, S110

import _json
import _signal  # type: ignore[import-not-found]  # signal would import enum, and that re
import _thread
import importlib.util
import io
import os
import select
import struct
import sys
import time
from importlib.machinery import PathFinder

#: Characters. One write to stdout or stderr is cut there (runtime.md 2.1); a log record one sooner (2.9).
WRITE_LIMIT = 128 * 1024

#: Bytes: the vendor's limit for a synchronous response (runtime.md 5.10).
RESPONSE_LIMIT = 32 * 1024 * 1024

#: Characters of a response's status and headers. What the vendor takes is less; longer frames are no frames.
HEAD_LIMIT = 60 * 1024

#: Seconds for which a reading of our peak memory is good enough.
MEMORY_SECONDS = 0.05

#: What a function may see of the platform's variables (runtime.md 2.11).
SAFE = (
    "FC_ACCOUNT_ID FC_FUNC_CODE_PATH FC_FUNCTION_HANDLER FC_FUNCTION_MEMORY_SIZE FC_FUNCTION_NAME "
    "FC_FUNCTION_VERSION FC_INSTANCE_ID FC_QUALIFIER FC_REGION FC_RUNTIME_VERSION FC_SERVICE_NAME "
    "FC_SNAPSHOT_FLAG FC_VER_ID"
).split()

INVOKE, INITIALIZER, PRE_STOP, PRE_FREEZE = range(4)
MARKERS = {INVOKE: "Invoke", INITIALIZER: "Initialize", PRE_STOP: "PreStop", PRE_FREEZE: "PreFreeze"}

#: Who loads these is about to start processes.
STARTERS = "subprocess", "_posixsubprocess"

#: prctl's number for becoming the parent of one's orphaned descendants.
PR_SET_CHILD_SUBREAPER = 36

PREFIX = struct.Struct(">II")


# --- frames -------------------------------------------------------------------------------------------


class HeaderRules:
    """How to read a header. json itself would cost a third of our start-up; its C part does not."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_constant = float
    parse_int = int


scan = _json.make_scanner(HeaderRules)  # type: ignore[arg-type]


def read_exactly(fd, length):
    """``length`` bytes, or None when the daemon is gone."""
    data = os.read(fd, length)
    if len(data) == length:
        return data
    parts = []
    while data:
        parts.append(data)
        length -= len(data)
        if not length:
            return b"".join(parts)
        data = os.read(fd, length)
    return None


def read_frame(fd):
    """(header, body) of the next frame, or None when there won't be one."""
    prefix = read_exactly(fd, PREFIX.size)
    if prefix is None:
        return None
    header_length, body_length = PREFIX.unpack(prefix)
    data = read_exactly(fd, header_length + body_length)
    if data is None:
        return None
    return scan(data[:header_length].decode("utf-8"), 0)[0], data[header_length:]


def write_frame(fd, header, body=b""):
    data = b"".join((PREFIX.pack(len(header), len(body)), header, body))
    sent = os.write(fd, data)
    if sent < len(data):
        rest = memoryview(data)[sent:]
        while rest:
            rest = rest[os.write(fd, rest) :]


# --- output -------------------------------------------------------------------------------------------


class Output(io.TextIOWrapper):
    """stdout or stderr without a buffer: the log shows a line when it is written."""

    def __init__(self, fd, name):
        raw = io.FileIO(fd, "w", closefd=False)
        raw.name = name
        super().__init__(raw, encoding="utf-8", errors="surrogateescape", newline="\n", write_through=True)

    def write(self, text):
        if isinstance(text, str) and len(text) > WRITE_LIMIT:
            text = text[:WRITE_LIMIT]
        return super().write(text)


def say(text):
    """One line of our own in the log, whatever the function has done to sys.stdout."""
    try:
        os.write(1, (text + "\n").encode("utf-8", "surrogateescape"))
    except OSError:
        pass


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # the function may have put anything there, or have closed it
            pass


class StandardFirst:
    """Finds json, logging and traceback, and what they are made of, in the standard library.

    In the cloud they are loaded before the function's code, so a file called token.py beside the
    handler harms nobody. We load them when they are first needed, which halves the time to start; this
    finder keeps the outcome the same. It also takes over the root logger the moment logging is loaded.
    """

    names = (
        "json logging traceback collections contextlib copyreg enum functools keyword linecache operator "
        "re string textwrap threading token tokenize types warnings weakref"
    ).split()

    def __init__(self, path, take_over):
        self.path = path
        self.take_over = take_over
        self.depth = 0

    def find_spec(self, name, path=None, target=None):
        if name in STARTERS:
            Orphans.adopt()
        if path is not None or not (name in self.names or self.depth):
            return None
        spec = PathFinder.find_spec(name, self.path)
        if spec is not None and name in self.names:
            self.wrap(spec.loader)
        return spec

    def wrap(self, loader):
        execute = loader.exec_module

        def exec_module(module):
            del loader.exec_module  # the class's own is back for importlib.reload
            self.depth += 1
            try:
                execute(module)
            finally:
                self.depth -= 1
            if module.__name__ == "logging":
                self.take_over(module)

        loader.exec_module = exec_module


# --- what the handler is given ------------------------------------------------------------------------


class Credentials:
    def __init__(self, key_id, key_secret, token):
        self.access_key_id = key_id
        self.access_key_secret = key_secret
        self.security_token = token

    accessKeyId = property(lambda self: self.access_key_id)
    accessKeySecret = property(lambda self: self.access_key_secret)
    securityToken = property(lambda self: self.security_token)


class Record:
    """A named group of attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Context:
    """The handler's second argument (runtime.md 2.8). From Python 3.12 on the vendor gives fewer parts."""

    def __init__(self, static, request_id, handler, retry_count):
        function = Record(
            name=static["function"],
            handler=handler,
            memory=static["memory"],
            timeout=static["timeout"],
        )
        self.request_id = request_id
        self.function = function
        self.region = static["region"]
        self.account_id = static["account_id"]
        self.retry_count = retry_count
        self.tracing = Record(span_context="", jaeger_endpoint="", span_baggages={})
        self.logger = None  # one request at a time: the root logger serves
        if static["is_modern"]:
            function.qualifier, function.version_id = static["qualifier"], static["version_id"]
            self.log_project, self.log_store = static["log_project"], static["log_store"]
        else:
            self.credentials = Credentials(*static["credentials"])
            self.service = Record(
                name=static["service"],
                log_project=static["log_project"],
                log_store=static["log_store"],
                qualifier=static["qualifier"],
                version_id=static["version_id"],
            )

    requestId = property(lambda self: self.request_id)

    def getLogger(self):
        import logging

        return logging.getLogger()

    def to_json(self):
        """JSON text of all that is here, keys in camel case."""
        import json

        names = {"span_context": "openTracingSpanContext", "span_baggages": "openTracingSpanBaggages"}

        def camel(name):
            head, *tail = names.get(name, name).split("_")
            return head + "".join(part.title() for part in tail)

        def plain(value):
            if isinstance(value, (Record, Credentials)):
                return {camel(key): plain(part) for key, part in vars(value).items()}
            return value

        shown = {camel(key): plain(value) for key, value in vars(self).items() if key != "logger"}
        return json.dumps(shown)


# --- what the caller is given -------------------------------------------------------------------------


def encode(value):
    """A handler's return value as bytes (runtime.md 2.4)."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8")
    if value is None:
        return b"null"
    import json

    return json.dumps(value, indent=4, sort_keys=True, default=encode_other).encode("ascii")


def encode_other(value):
    """What json does not know. An object of these classes exists only where their module is loaded."""
    if isinstance(value, getattr(sys.modules.get("decimal"), "Decimal", ())):
        return float(value)
    if isinstance(value, getattr(sys.modules.get("datetime"), "date", ())):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(repr(value) + " is not JSON serializable")


def message_of(error):
    try:
        return str(error)
    except Exception:  # a __str__ that fails is one more way for a function to fail
        return f"<unprintable {type(error).__name__} object>"


class Gateway:
    """One request of an HTTP trigger, and the WSGI application that answers it (runtime.md 2.10)."""

    def __init__(self, params, body, context):
        self.params = params
        self.body = body
        self.context = context
        self.status = None
        self.headers = []
        self.written = []

    def environ(self):
        params = self.params
        uri = params["requestURI"]
        path = params["path"].encode("utf-8", "surrogateescape").decode("latin-1")
        shown = dict(os.environ)
        shown.update(
            {
                "REQUEST_METHOD": params["method"],
                "SCRIPT_NAME": "",
                "PATH_INFO": path or "/",
                "QUERY_STRING": uri.partition("?")[2],
                "CONTENT_TYPE": "application/octet-stream",
                "CONTENT_LENGTH": str(len(self.body)),
                "REMOTE_ADDR": params["clientIP"],
                "SERVER_NAME": "FCRUNTIME",
                "SERVER_PORT": "9000",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "SERVER_SOFTWARE": "FCRUNTIME/1.0",
                "HTTP": "on",
                "HTTP_X_FC_FUNCTION_HANDLER": self.context.function.handler,
                "wsgi.version": (1, 0),
                "wsgi.input": io.BytesIO(self.body),
                "wsgi.errors": sys.stderr,
                "wsgi.url_scheme": "http",
                "wsgi.multithread": False,
                "wsgi.multiprocess": False,
                "wsgi.run_once": False,
                "fc.context": self.context,
                "fc.request_uri": uri,
            }
        )
        found = {}
        for name, values in params["headersMap"].items():
            key = name.upper().replace("-", "_")
            # Bytes as WSGI has them: one character each.
            found.setdefault(key, []).extend(
                value.encode("utf-8", "surrogateescape").decode("latin-1") for value in values
            )
        for key, values in found.items():
            shown[key if key == "CONTENT_TYPE" else "HTTP_" + key] = ",".join(values)
        return shown

    def start_response(self, status, headers, exc_info=None):
        self.status = int(status.partition(" ")[0])
        self.headers = [[str(name), to_unicode(str(value))] for name, value in headers]
        return self.written.append

    def ask(self, application):
        """The body of the answer; its status and headers are here then."""
        answered = application(self.environ(), self.start_response)
        if isinstance(answered, bytes):
            body = answered
        else:
            try:
                parts = iter(answered)
            except TypeError:
                raise TypeError("invalid response type") from None
            try:
                body = b"".join(as_bytes(part) for part in parts)
            finally:
                if hasattr(answered, "close"):
                    answered.close()
        if self.status is None:
            raise RuntimeError("the handler has not called start_response")
        return b"".join(as_bytes(part) for part in self.written) + body

    def head(self):
        """Status and headers as a part of a frame's header."""
        import json

        text = f'"status":{self.status},"headers":{json.dumps(self.headers)}'
        if len(text) > HEAD_LIMIT:
            raise ValueError("the headers of the response are too long")
        return text


def as_bytes(part):
    if isinstance(part, (bytes, bytearray)):
        return bytes(part)
    if isinstance(part, str):
        return part.encode("utf-8")
    raise TypeError("invalid response type")


def to_unicode(value):
    """A header's value: WSGI has its bytes as one character each."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode("utf-8")


class LoadFailure(Exception):
    """The handler can't be had: in the vendor's words (runtime.md 2.2). Raised from what went wrong."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Code:
    """The function's code: finds handlers in it, and shows its paths as the cloud does."""

    def __init__(self, folder):
        self.folder = folder
        self.roots = sorted({folder, os.path.realpath(folder)}, key=len, reverse=True)
        self.handlers = {}

    def handler(self, text):
        """The callable that ``module.function`` names. Failures are tried anew by the next request."""
        if text not in self.handlers:
            self.handlers[text] = self.look_up(text)
        return self.handlers[text]

    def look_up(self, text):
        try:
            path, name = text.rsplit(".", 1)
        except ValueError as error:
            raise LoadFailure("InvalidHandleName", f"Invalid handler '{text}'") from error
        try:
            module = sys.modules.get(path) or self.load(path)
        except ImportError as error:
            raise LoadFailure("ImportModuleError", f"Unable to import module '{path}'") from error
        except SyntaxError as error:
            raise LoadFailure("UserCodeSyntaxError", f"Syntax error in module '{path}'") from error
        except ValueError as error:  # the vendor's quirk: any ValueError of the module's own, too
            raise LoadFailure("InvalidHandleName", f"Invalid handler '{path}'") from error
        except Exception as error:
            what = f"Module initialization error: '{message_of(error)}'"
            raise LoadFailure("UserCodeError", what) from error
        try:
            return getattr(module, name)
        except AttributeError:
            # Raised anew: newer interpreters would add a suggestion to the original.
            missing = AttributeError(f"module '{path}' has no attribute '{name}'")
            what = f"Handler '{name}' is missing on module '{path}'"
            raise LoadFailure("HandlerNotFound", what) from missing

    def load(self, path):
        """Import ``folders/package.module`` from the code folder alone, under that very name."""
        if path in StandardFirst.names:
            return __import__(path)  # in the cloud it is there already
        folders, _, dotted = path.rpartition("/")
        where = [os.path.join(self.folder, folders)]
        for name in dotted.split("."):
            for folder in where:  # a file may have come since; importlib.invalidate_caches is slow
                sys.path_importer_cache.pop(folder, None)
            spec = PathFinder.find_spec(name, where)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            where = list(spec.submodule_search_locations or ())
        if spec.name != path and spec.has_location:
            inside = spec.submodule_search_locations
            spec = importlib.util.spec_from_file_location(
                path, spec.origin, submodule_search_locations=inside
            )
        module = importlib.util.module_from_spec(spec)
        sys.modules[path] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(path, None)
            raise
        return sys.modules[path]

    def cloud_path(self, text):
        """The text with our code folder shown as /code."""
        for root in self.roots:
            text = text.replace(root + "/", "/code/")
        return text

    def load_payload(self, failure):
        """The caller's answer for a handler that can't be had: its trace is a flat list."""
        import traceback

        cause = failure.__cause__
        lines = "".join(traceback.format_exception_only(type(cause), cause)).splitlines()
        lines = self.cloud_path(lines[0]).split(",") + [self.cloud_path(line) for line in lines[1:]]
        trace = [line.strip() for line in lines if line.strip(" ^~\n\t")]
        return to_text({"errorMessage": str(failure), "errorType": failure.kind, "stackTrace": trace})

    def payload(self, error, trace):
        """The caller's answer for an exception: its trace is a list of frames, outermost first."""
        import traceback

        frames = []
        for entry in traceback.format_tb(trace):
            lines = entry.splitlines()
            frame = [part.strip() for part in self.cloud_path(lines[0]).split(",")]
            frames.append([*frame, lines[1].strip() if len(lines) > 1 else ""])
        shown = {"errorMessage": message_of(error), "errorType": type(error).__name__}
        if frames:
            shown["stackTrace"] = frames
        return to_text(shown)


def to_text(payload):
    import json

    return json.dumps(payload, indent=4, sort_keys=True)


# --- the worker ---------------------------------------------------------------------------------------


class Worker:
    """Answers one request after the other."""

    def __init__(self, fd, leash, static):
        self.fd = fd
        self.leash = leash
        self.pid = os.getpid()
        self.static = static
        self.code = Code(static["code"])
        self.request_id = ""
        self.is_busy = False
        self.is_called = False
        self.level = os.environ.get("FC_SERVER_LOG_LEVEL", "").upper()
        self.stdout = Output(1, "<stdout>")
        self.watchdog = None
        self.peak_kb = 0
        self.peak_read = -1.0
        try:
            self.status = os.open("/proc/self/status", os.O_RDONLY)
        except OSError:
            self.status = None

    def set_up(self):
        """The process as the function's code expects it (runtime.md 2.1)."""
        for name in list(os.environ):
            if name.startswith(("FC_", "_FC_")) and name not in SAFE:
                del os.environ[name]
        normal = [path for path in sys.path if path != os.path.dirname(sys.argv[0])]
        layers = "/opt/python/lib/python{}.{}/site-packages".format(*sys.version_info)
        sys.path[:] = [self.code.folder, layers, "/opt/python", *with_user_base(normal)]
        del sys.argv[1:]
        sys.stdout = sys.__stdout__ = self.stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = Output(2, "<stderr>")  # type: ignore[misc]
        if "logging" in sys.modules:
            self.take_over_logging(sys.modules["logging"])
        sys.meta_path.insert(0, StandardFirst(normal, self.take_over_logging))
        _signal.signal(_signal.SIGTERM, self.on_sigterm)
        if self.static.get("has_pre_stop"):
            _signal.signal(_signal.SIGURG, self.on_sigurg)
        if not self.tie():
            self.watchdog = _thread.start_new_thread(self.watch, ())
        if hasattr(os, "register_at_fork"):
            # A forked child that lived on would keep our end of the socket open.
            os.register_at_fork(before=Orphans.adopt, after_in_child=self.leave_to_parent)
        if any(name in sys.modules for name in STARTERS):
            Orphans.adopt()

    def take_over_logging(self, logging):
        """One handler on the root logger, in the vendor's format (runtime.md 2.9)."""
        worker = self

        class Formatter(logging.Formatter):
            def format(self, record):
                record.fc_request_id = worker.request_id
                return super().format(record)[: WRITE_LIMIT - 1]

        logging.Formatter.converter = time.gmtime
        layout = "%(asctime)s.%(msecs)03dZ %(fc_request_id)s [%(levelname)s] %(message)s"
        handler = logging.StreamHandler(self.stdout)
        handler.setFormatter(Formatter(layout, "%Y-%m-%dT%H:%M:%S"))
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel(self.level if self.level in ("DEBUG", "WARNING", "ERROR", "CRITICAL") else "INFO")

    def log_error(self, text):
        """To the root logger, at ERROR. Where nobody has loaded logging, the same line without it."""
        if "logging" in sys.modules:
            sys.modules["logging"].getLogger().error(text)
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        say(f"{stamp}.{int(now % 1 * 1000):03}Z {self.request_id} [ERROR] {text}"[: WRITE_LIMIT - 1])

    def serve(self):
        """Answer requests until the daemon closes its end."""
        say("FunctionCompute python3 runtime inited.")
        self.reply("ready", b"", '"is_interruptible":true' if self.static.get("has_pre_stop") else "")
        while True:
            frame = read_frame(self.fd)
            if frame is None:
                return
            self.is_busy = True
            if self.is_called:  # while we were reading
                self.run_pre_stop()
            answer = self.answer(*frame)
            self.is_busy = False
            self.reply(*answer)

    def reply(self, kind, body, more=""):
        header = f'{{"kind":"{kind}","max_rss_kb":{self.peak_memory_kb()}{more and "," + more}}}'
        write_frame(self.fd, header.encode("ascii"), body)

    def on_sigurg(self, *_):
        """There is a frame for us, which must not wait for the end of what we are doing: preStop."""
        if os.getpid() == self.pid:
            self.is_called = True
            if self.is_busy:
                self.run_pre_stop()

    def run_pre_stop(self):
        """Run preStop in the middle of a handler: between two of its instructions, or before its first."""
        self.is_called = False
        if not is_readable(self.fd):
            return
        frame = read_frame(self.fd)
        if frame is None:
            return
        request_id = self.request_id
        kind, body, _ = self.answer(*frame)
        self.request_id = request_id
        # The daemon waits for the handler's result, too: this is not it.
        self.reply(kind, body, f'"request":{PRE_STOP}')

    def answer(self, request, event):
        """Run one request between its markers. Returns the result's kind and body, and more of its header."""
        kind = request["kind"] if request["kind"] in MARKERS else INVOKE
        self.request_id = request["request_id"]
        marker = MARKERS[kind]
        say(f"FC {marker} Start RequestId: {self.request_id}")
        handler = self.static["initializer"] if kind == INITIALIZER else self.static["handler"]
        handler = request.get("handler") or handler
        context = Context(self.static, self.request_id, handler, request["retry_count"])
        http = request.get("http") if kind == INVOKE else None
        gateway = Gateway(http, event, context) if http else None
        body, failure = self.run(handler, (event, context) if kind == INVOKE else (context,), gateway)
        if failure is None and len(body) > RESPONSE_LIMIT:
            what = f"response payload size exceeds maximum allowed size ({RESPONSE_LIMIT} bytes)"
            failure = f'{{"errorMessage":"{what}"}}'
        if failure is not None:
            self.log_error(failure)
        flush()
        suffix = "" if failure is None else ", Error: Unhandled function error"
        say(f"FC {marker} End RequestId: {self.request_id}{suffix}")
        if failure is not None:
            return "unhandled", failure.encode("utf-8"), ""
        return "ok", body if kind == INVOKE else b"", gateway.head() if gateway else ""

    def run(self, handler, arguments, gateway=None):
        """(result, None) or (None, error text).

        SystemExit and its like pass: they end the process, as in the cloud (runtime.md 2.6).
        """
        try:
            function = self.code.handler(handler)
        except LoadFailure as failure:
            return None, self.code.load_payload(failure)
        error = value = None
        try:
            value = function(*arguments) if gateway is None else gateway.ask(function)
        except Exception as raised:
            error = raised
        if os.getpid() != self.pid:
            # A child forked by the handler came back here. Only the parent may answer.
            flush()
            os._exit(0 if error is None else 1)
        try:
            if error is not None:
                # The outermost frame is ours, with a request two are.
                trace = error.__traceback__.tb_next
                return None, self.code.payload(error, trace.tb_next if trace and gateway else trace)
            if gateway is not None:
                gateway.head()
            return (encode(value) if len(arguments) > 1 else b""), None
        except Exception as unfit:
            return None, self.code.payload(unfit, unfit.__traceback__)
        finally:
            error = None  # else the frame and the exception would keep each other alive

    def peak_memory_kb(self):
        """Our peak resident size. Read from the system at most once in MEMORY_SECONDS.

        getrusage would be cheaper, but what it reports begins with the size of the process that
        started us: the daemon's.
        """
        now = time.monotonic()
        if now - self.peak_read > MEMORY_SECONDS or self.peak_read < 0:
            self.peak_read = now
            if self.status is None:
                import resource

                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                self.peak_kb = peak // 1024 if sys.platform == "darwin" else peak
            else:
                try:
                    text = os.pread(self.status, 4096, 0)
                    start = text.index(b"VmHWM:") + 6
                    self.peak_kb = int(text[start : text.index(b"kB", start)])
                except (OSError, ValueError):  # the function closed our descriptor
                    self.status = None
        return self.peak_kb

    def tie(self):
        """Have Linux kill our process group when the other end of the leash closes.

        No thread of ours could do so while the handler holds the interpreter's lock, in one long call
        into C. False where the system has no such service.
        """
        try:
            import fcntl

            fcntl.fcntl(self.leash, fcntl.F_SETOWN, -self.pid if os.getpgrp() == self.pid else self.pid)
            fcntl.fcntl(self.leash, fcntl.F_SETSIG, _signal.SIGKILL)
            flags = fcntl.fcntl(self.leash, fcntl.F_GETFL)
            fcntl.fcntl(self.leash, fcntl.F_SETFL, flags | os.O_ASYNC)
        except (AttributeError, OSError):
            return False
        if is_closed(self.leash, 0):  # it was too late to be told
            end_group()
        return True

    def watch(self):
        """Thread: the same for systems that can't do it for us."""
        is_closed(self.leash, None)
        end_group()

    def leave_to_parent(self):
        try:
            os.close(self.fd)
        except OSError:
            pass

    def on_sigterm(self, *_):
        if os.getpid() != self.pid:
            # A forked child has inherited this handler; to it SIGTERM means what it means to anybody.
            _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
            os.kill(os.getpid(), _signal.SIGTERM)
            return
        try:
            if self.is_busy:
                self.dump_stacks()
            flush()
        finally:
            # Not sys.exit: the handler could catch that, or wait for its threads.
            os._exit(143)

    def dump_stacks(self):
        import traceback

        self.log_error("Dumping stack trace after function timeout")
        for thread, frame in sys._current_frames().items():
            if thread == self.watchdog:
                continue
            self.log_error(f"request id = {self.request_id}, thread id = {thread}")
            ours = self.serve.__code__.co_filename
            stack = [entry for entry in traceback.extract_stack(frame) if entry[0] != ours]
            self.log_error(self.code.cloud_path("".join(traceback.format_list(stack))))


def with_user_base(path):
    """``path`` with the packages that ``fun install`` has put beside the code, before all other packages.

    The interpreter looks there by itself unless it is a virtual environment's, and only for packages that
    were installed for its own version; those for another one are mostly better than none.
    """
    base = os.path.join(os.environ.get("PYTHONUSERBASE", ""), "lib")
    own = "python{}.{}".format(*sys.version_info)
    try:
        versions = sorted(os.listdir(base), key=lambda name: (name != own, name))
    except OSError:
        return path
    folders = [os.path.join(base, name, "site-packages") for name in versions if name.startswith("python3")]
    folders = [folder for folder in folders if os.path.isdir(folder)][:1]
    if not folders or folders[0] in path:
        return path
    import site

    before = sys.path[:]
    sys.path[:] = []
    site.addsitedir(folders[0])  # with what its .pth files add
    found, sys.path[:] = sys.path[:], before
    packages = [n for n, entry in enumerate(path) if entry.endswith(("site-packages", "dist-packages"))]
    first = packages[0] if packages else len(path)
    return path[:first] + found + path[first:]


class Orphans:
    """Descendants of ours whose own parent has ended."""

    are_ours = False

    @classmethod
    def adopt(cls):
        """Become their parent, so that they stay in our process tree.

        There the daemon finds them, to measure and to end them, even if they have left our process group and
        cleared their environment. Done when the function is about to start a process, because the part of
        ctypes that it takes is a twentieth of our start-up. Systems other than Linux, interpreters without
        that part, and functions that start processes by none but os.system or os.posix_spawn, go without.
        """
        if cls.are_ours or sys.platform != "linux":
            return
        cls.are_ours = True
        try:
            import _ctypes

            prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
            _ctypes.call_function(prctl, (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        except Exception:
            pass


def is_readable(fd):
    """Whether reading would not wait."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def is_closed(fd, milliseconds):
    """Whether the other end is closed, or gets closed in this time."""
    poll = select.poll()
    poll.register(fd, 0)  # no events: only that
    return bool(poll.poll(milliseconds))


def end_group():
    """Kill our process group, ourselves with it, if it is ours."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), _signal.SIGKILL)
    os._exit(1)


def main():
    fd, leash = int(sys.argv[1]), int(sys.argv[2])
    # Before anything else: the function's children must not hold our ends.
    os.set_inheritable(fd, False)
    os.set_inheritable(leash, False)
    frame = read_frame(fd)
    if frame is None:
        return
    worker = Worker(fd, leash, frame[0])
    worker.set_up()
    try:
        worker.serve()
    except OSError:  # the daemon is gone, or the function has closed our socket
        pass
    if is_closed(fd, 0):
        end_group()  # no one is left to end what the function started
    flush()
    os._exit(0)  # asked to: nothing is owed any more, and threads must not hold us up


if __name__ == "__main__":
    main()
