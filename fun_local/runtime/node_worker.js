'use strict';
/*
 * What runs inside an instance of a Node.js function: `node FLAGS node_worker.js FD LEASH`.
 *
 * One file, standard library only, no syntax newer than Node.js 12. It talks to the daemon in frames (see
 * frames.py) over the socket FD, never over stdout, which is the function's own and becomes its log.
 *
 *     daemon                          worker
 *       static context     ------>
 *                          <------    {"kind": "ready", "is_interruptible": true}
 *       {"kind": 0, ...}   ------>                     0 invoke, 1 initializer, 2 preStop, 3 preFreeze
 *                          <------    {"kind": "ok" | "handled" | "unhandled"}, body
 *       {"kind": 2, ...} and SIGURG ->               a handler that waits is interrupted for preStop
 *                          <------    {"kind": "ok" | "handled" | "unhandled", "request": 2}
 *       end of file        ------>    ends
 *
 * Between two requests the worker blocks in a read. So timers and connections that a function leaves behind
 * stand still until the next request, as in a frozen instance of the cloud (runtime.md 3.3, 5.5); then the
 * event loop turns at least once, however fast the handler is.
 *
 * SIGTERM keeps its default action, because a listener of ours would have to wait for a handler that blocks
 * the event loop. A listener of the function's own has the daemon's grace period.
 *
 * LEASH is the end of a pipe that nobody reads; the other end closes when the daemon dies. On Linux the kernel
 * then kills our process group (leash.py); elsewhere a shell waits for it. Both descriptors reach what the
 * function starts, as Node.js can't keep them back; the daemon ends that with us.
 *
 * What a function is promised depends on the runtime it was declared for, not on the Node.js found here.
 */

// The function may replace any of these; we go on with the originals.
const { AsyncResource } = require('async_hooks');
const { Buffer } = require('buffer');
const fs = require('fs');
const Module = require('module');
const path = require('path');
const util = require('util');
const { pathToFileURL } = require('url');

const { existsSync, openSync, readFileSync, readSync, realpathSync, writeSync } = fs;
const { parse, stringify } = JSON;
const setImmediately = setImmediate;
const setRepeatedly = setInterval;
const stopRepeating = clearInterval;
const Time = Date;
const { format } = util;

/** The vendor's limit for a synchronous response, in bytes (runtime.md 5.10). */
const RESPONSE_LIMIT = 32 * 1024 * 1024;

/** An error is cut to this in the log, in characters (runtime.md 3.5). */
const ERROR_LIMIT = 256 * 1024;

/** Milliseconds for which a reading of our peak memory is good enough. */
const MEMORY_MS = 50;

/** What a function may see of the platform's variables (runtime.md 2.11). */
const SAFE = new Set(
  (
    'FC_ACCOUNT_ID FC_FUNC_CODE_PATH FC_FUNCTION_HANDLER FC_FUNCTION_MEMORY_SIZE FC_FUNCTION_NAME ' +
    'FC_FUNCTION_VERSION FC_INSTANCE_ID FC_QUALIFIER FC_REGION FC_RUNTIME_VERSION FC_SERVICE_NAME ' +
    'FC_SNAPSHOT_FLAG FC_VER_ID'
  ).split(' ')
);

const INVOKE = 0;
const INITIALIZER = 1;
const PRE_STOP = 2;
const MARKERS = ['Invoke', 'Initialize', 'PreStop', 'PreFreeze'];

const fd = Number(process.argv[2]);
const leash = Number(process.argv[3]);

// --- frames ------------------------------------------------------------------------------------------------

const inbox = Buffer.allocUnsafeSlow(64 * 1024);

/** [header, body] of the next frame, or null when there won't be one. */
function readFrame() {
  let have = 0;
  while (have < 8) {
    const count = readSync(fd, inbox, have, inbox.length - have, null);
    if (count === 0) return null;
    have += count;
  }
  const start = 8 + inbox.readUInt32BE(0);
  const end = start + inbox.readUInt32BE(4);
  let frame = inbox;
  if (end > inbox.length) {
    frame = Buffer.allocUnsafeSlow(end);
    inbox.copy(frame, 0, 0, have);
  }
  while (have < end) {
    const count = readSync(fd, frame, have, end - have, null);
    if (count === 0) return null;
    have += count;
  }
  const body = frame.slice(start, end);
  // The function may keep the event; the inbox is used again.
  return [parse(frame.toString('utf8', 8, start)), frame === inbox ? Buffer.from(body) : body];
}

function writeAll(data) {
  for (let sent = 0; sent < data.length; ) sent += writeSync(fd, data, sent, data.length - sent);
}

/** Answer; `more` is what else the header says, as JSON beginning with a comma. */
function reply(kind, body, more = '') {
  const header = `{"kind":"${kind}","max_rss_kb":${peakMemoryKb()}${more}}`;
  const isSmall = body.length < inbox.length;
  const head = Buffer.allocUnsafe(8 + header.length + (isSmall ? body.length : 0));
  head.writeUInt32BE(header.length, 0);
  head.writeUInt32BE(body.length, 4);
  head.write(header, 8, 'latin1');
  if (isSmall) body.copy(head, 8 + header.length);
  writeAll(head);
  if (!isSmall) writeAll(body);
}

// --- our memory --------------------------------------------------------------------------------------------

let status = null;
let peakKb = 0;
let peakRead = -Infinity;
const statusText = Buffer.allocUnsafeSlow(4096);

/**
 * Our peak resident size, read from the system at most once in MEMORY_MS. process.resourceUsage() would begin
 * with the size of the process that started us: the daemon's.
 */
function peakMemoryKb() {
  const now = Time.now();
  if (Math.abs(now - peakRead) < MEMORY_MS) return peakKb;
  peakRead = now;
  let found = null;
  try {
    if (status === null) status = openSync('/proc/self/status', 'r');
    const text = statusText.latin1Slice(0, readSync(status, statusText, 0, statusText.length, 0));
    found = /VmHWM:\s*(\d+)/.exec(text);
  } catch (error) {
    // Not Linux, or the function has closed our descriptor.
  }
  peakKb = found ? Number(found[1]) : Math.max(peakKb, Math.round(process.memoryUsage().rss / 1024));
  return peakKb;
}

// --- the function's settings -------------------------------------------------------------------------------

let fixed = {}; // what does not change from request to request
let major = 0; // of the runtime that the function was declared for
let isModern = false; // nodejs18 and later are a rewrite (runtime.md 3)
let roots = []; // the code folder, as it may be written in a stack

function learn(context) {
  fixed = context;
  const declared = /^nodejs(\d+)/.exec(context.runtime);
  major = declared ? Number(declared[1]) : parseInt(process.versions.node, 10);
  isModern = major >= 18;
  roots = [...new Set([context.code, realpathSync(context.code)])].sort((a, b) => b.length - a.length);
}

/** The text with our code folder shown as /code. */
function cloudPath(text) {
  for (const root of roots) text = text.split(`${root}/`).join('/code/');
  return text;
}

// --- logs --------------------------------------------------------------------------------------------------

let requestId = '';

/** Text in the log as it is, whatever the function has done to process.stdout. */
function say(text) {
  try {
    writeSync(1, `${text}\n`);
  } catch (error) {
    // The function has closed it.
  }
}

// The names of runtime.md 3.7, with what console.log is called.
const LEVELS = ['verbose', 'debug', 'info', 'warn', 'error'];

/** debug(), info(), warn(), error() and log() in the vendor's layout; `id` tells whose line it is. */
function makeLogger(id) {
  let lowest = 0;
  const write = (level, parts) => {
    const rank = LEVELS.indexOf(level);
    if (rank < lowest) return;
    let text = format(...parts);
    const iso = new Time().toISOString();
    if (!isModern) text = text.replace(/\n/g, '\r');
    say(`${isModern ? `${iso.slice(0, 10)} ${iso.slice(11, 23)}` : iso} ${id()} [${level}] ${text}`);
  };
  const logger = {};
  for (const level of ['debug', 'info', 'warn', 'error']) logger[level] = (...parts) => write(level, parts);
  const plain = isModern ? 'info' : 'verbose';
  logger.log = (...parts) => write(plain, parts);
  logger.setLogLevel = (name) => {
    const rank = LEVELS.indexOf(String(name).toLowerCase());
    if (rank >= 0) lowest = rank;
  };
  if (isModern) logger.setLogLevel(process.env.ALIYUN_FC_LOG_LEVEL);
  return logger;
}

let log = null;

function takeOverConsole() {
  log = makeLogger(() => requestId);
  const taken = Object.assign({}, log);
  if (isModern) delete taken.setLogLevel;
  Object.assign(console, taken);
}

// --- what the caller is given ------------------------------------------------------------------------------

const NOTHING = Buffer.alloc(0);

/** A result as bytes (runtime.md 3.4). */
function encode(value) {
  if (Buffer.isBuffer(value)) return value;
  if (value === undefined || value === null) return NOTHING;
  if (typeof value === 'function') return Buffer.from(String(value.constructor));
  if (typeof value !== 'object') return Buffer.from(String(value));
  const text = stringify(value);
  return text === undefined ? NOTHING : Buffer.from(text);
}

/** Why a handler can't be had: the vendor's name for it, and the error with the details. */
class LoadFailure {
  constructor(type, error) {
    this.type = type;
    this.error = error;
  }
}

function isError(value) {
  return value instanceof Error || util.types.isNativeError(value);
}

/** A value that is not an Error, as a message. */
function messageOf(value) {
  if (typeof value === 'string') return value;
  try {
    const text = typeof value === 'object' ? stringify(value) : undefined;
    return text === undefined ? String(value) : text;
  } catch (error) {
    return util.inspect(value);
  }
}

/** A part of an error as text; functions may give their errors anything. */
function textOf(part) {
  try {
    return String(part());
  } catch (error) {
    return '<unprintable>';
  }
}

/** What the log shows of something thrown that no caller is told of. */
function storyOf(thrown) {
  return isError(thrown) ? cloudPath(textOf(() => thrown.stack)) : messageOf(thrown);
}

/** The lines of an error's stack. Up to nodejs16, those of the runtime and below are not shown. */
function stackOf(stack) {
  const lines = cloudPath(stack).split('\n');
  if (isModern) return lines;
  const ours = lines.findIndex((line) => line.includes(__filename));
  return ours < 0 ? lines : lines.slice(0, ours);
}

/** The caller's answer for whatever was thrown or given to the callback (runtime.md 3.5). */
function describe(thrown, isHandled) {
  const failure = thrown instanceof LoadFailure ? thrown : new LoadFailure('', thrown);
  const error = failure.error;
  const prefix = isHandled ? 'FunctionHandledError' : 'FunctionUnhandledError';
  if (!isError(error)) return { errorMessage: messageOf(error), errorType: prefix };
  const type = textOf(() => failure.type || error.name);
  const shown = {
    errorMessage: textOf(() => error.message),
    errorType: isHandled || isModern ? type : `${prefix}: ${type}`,
  };
  // Who asked for a module that is missing: the last one is this file.
  if (failure.type) shown.errorMessage = cloudPath(shown.errorMessage).replace(`\n- ${__filename}`, '');
  const stack = textOf(() => error.stack || '');
  if (stack) shown.stackTrace = stackOf(stack);
  return shown;
}

// --- the function's code -----------------------------------------------------------------------------------

const handlers = new Map();

/** The file of a module, or undefined. Up to nodejs16 there are .js files only (runtime.md 3.2). */
function fileOf(name) {
  const base = path.join(fixed.code, name);
  return (isModern ? ['.js', '.mjs', '.cjs'] : ['.js']).map((end) => base + end).find(existsSync);
}

/** Whether import() is the way to load a file: by its name, else as the nearest package.json says. */
function isEsModule(file) {
  if (!isModern || file.endsWith('.cjs')) return false;
  if (file.endsWith('.mjs')) return true;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest)) return parse(readFileSync(manifest, 'utf8')).type === 'module';
    if (folder === path.dirname(folder)) return false;
  }
}

function loadFailure(type, message) {
  const error = new Error(message);
  error.name = type;
  error.stack = `${type}: ${message}`;
  return new LoadFailure(type, error);
}

/** An error while a module was loaded: syntax and missing modules have names of their own. */
function classify(error) {
  const missing = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_REQUIRE_ESM'];
  if (error instanceof SyntaxError) return new LoadFailure('UserCodeSyntaxError', error);
  if (isError(error) && missing.includes(error.code)) return new LoadFailure('ImportModuleError', error);
  return error;
}

/** The function that `folder/file.export` names. Failures are not remembered: the next request tries anew. */
async function load(text) {
  say(`load code for handler:${text}`);
  const dot = text.lastIndexOf('.');
  if (dot < 0) throw loadFailure('InvalidHandlerName', `Invalid handler '${text}'`);
  const name = text.slice(0, dot);
  const file = fileOf(name);
  if (!file) throw loadFailure('ImportModuleError', `Module '/code/${name}.js' is missing.`);
  let loaded;
  try {
    loaded = isEsModule(file) ? await import(pathToFileURL(file).href) : require(file);
  } catch (error) {
    throw classify(error);
  }
  const handler = loaded === null || loaded === undefined ? undefined : loaded[text.slice(dot + 1)];
  if (typeof handler !== 'function') {
    const message = `Handler '${text.slice(dot + 1)}' is missing on module '${name}'`;
    throw loadFailure('HandlerNotFound', message);
  }
  handlers.set(text, handler);
  return handler;
}

// --- one request -------------------------------------------------------------------------------------------

/** The handler's last argument but one (runtime.md 3.6). */
function makeContext(request, handler, invocation) {
  const id = request.request_id;
  const [accessKeyId, accessKeySecret, securityToken] = fixed.credentials;
  let logger = null;
  return {
    requestId: id,
    credentials: { accessKeyId, accessKeySecret, securityToken },
    function: { name: fixed.function, handler, memory: fixed.memory, timeout: fixed.timeout },
    service: {
      name: fixed.service,
      logProject: fixed.log_project,
      logStore: fixed.log_store,
      qualifier: fixed.qualifier,
      versionId: fixed.version_id,
    },
    region: fixed.region,
    accountId: fixed.account_id,
    retryCount: request.retry_count,
    get logger() {
      if (logger === null) logger = makeLogger(() => id);
      return logger;
    },
    tracing: { openTracingSpanContext: '', openTracingSpanBaggages: {}, jaegerEndpoint: '' },
    get waitsForEmptyEventLoopBeforeCallback() {
      return invocation.waits;
    },
    set waitsForEmptyEventLoopBeforeCallback(value) {
      invocation.waits = Boolean(value);
    },
  };
}

/** One request from its start marker to its answer. What answers first wins (runtime.md 3.3). */
class Invocation {
  constructor(request, event, interrupted = null) {
    this.interrupted = interrupted;
    this.kind = MARKERS[request.kind] ? request.kind : INVOKE;
    this.marker = MARKERS[this.kind];
    this.id = request.request_id;
    this.isOpen = true;
    this.waits = false;
    this.http = this.kind === INVOKE && request.http ? request.http : null;
    this.head = ''; // of a response: its status and headers
    const own = this.kind === INITIALIZER ? fixed.initializer : fixed.handler;
    this.handler = request.handler || own;
    this.context = makeContext(request, this.handler, this);
    this.event = event;
  }

  start() {
    requestId = this.id;
    say(`FC ${this.marker} Start RequestId: ${this.id}`);
    const handler = handlers.get(this.handler);
    if (handler) this.call(handler);
    else load(this.handler).then((found) => this.call(found), (error) => this.fail(error));
  }

  /** What the handler is called with. */
  arguments() {
    if (this.http) return [makeRequest(this.http, this.event), new Response(this), this.context];
    const callback = (error, value) => {
      if (error === undefined || error === null) this.succeed(value);
      else this.finish('handled', describe(error, true));
    };
    return this.kind === INVOKE ? [this.event, this.context, callback] : [this.context, callback];
  }

  call(handler) {
    try {
      const returned = handler(...this.arguments());
      // A value that is no promise counts for nothing in any version.
      if (returned && typeof returned.then === 'function') {
        // Up to nodejs16 what a promise resolves to does not count either.
        const resolved = isModern && !this.http ? (value) => this.succeed(value) : () => {};
        returned.then(resolved, (error) => this.fail(error));
      }
    } catch (error) {
      this.fail(error);
    }
  }

  succeed(value) {
    if (!this.isOpen) return;
    let body = NOTHING;
    try {
      if (this.kind === INVOKE) body = encode(value);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (body.length <= RESPONSE_LIMIT) {
      this.finish('ok', body);
      return;
    }
    const message = `response payload size exceeds maximum allowed size (${RESPONSE_LIMIT} bytes)`;
    this.finish('unhandled', { errorMessage: message });
  }

  fail(error) {
    if (this.isOpen) this.finish('unhandled', describe(error, false));
    else log.error('%s', storyOf(error)); // too late for the caller
  }

  /** Order as in the cloud (runtime.md 5.7): the error's log line, the end marker, the answer. */
  finish(kind, answer) {
    if (!this.isOpen) return;
    this.isOpen = false;
    let suffix = '';
    let body = answer;
    if (kind !== 'ok') {
      const text = stringify(answer);
      const cut = `${text.slice(0, ERROR_LIMIT)}... Truncated by FunctionCompute`;
      log.error('%s', text.length > ERROR_LIMIT ? cut : text);
      suffix = `, Error: ${kind === 'handled' ? 'Handled' : 'Unhandled'} function error`;
      body = Buffer.from(text);
    }
    say(`FC ${this.marker} End RequestId: ${this.id}${suffix}`);
    try {
      // The daemon waits for the interrupted handler's answer, too: this is not it.
      reply(kind, body, this.interrupted ? `,"request":${PRE_STOP}` : this.head);
    } catch (error) {
      endGroup(); // the daemon is gone, or the function has closed our socket
    }
    if (this.interrupted) requestId = this.interrupted.id;
    else if (!this.waits) serveSoon();
  }
}

// --- requests of HTTP triggers, up to FC 2.0 (runtime.md 3.8) ----------------------------------------------

/** Headers that count once: the first value. */
const UNIQUE = new Set(
  (
    'age authorization content-length content-type etag expires from host if-modified-since ' +
    'if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after user-agent'
  ).split(' ')
);

/** Characters of a response's status and headers. The vendor takes less; longer frames are no frames. */
const HEAD_LIMIT = 60 * 1024;

/** What a handler is asked: a readable stream like any server's request, and the vendor's own properties. */
function makeRequest(params, body) {
  const { IncomingMessage } = require('http');
  const request = new IncomingMessage(null);
  request._read = () => {}; // there is no connection to read from
  const headers = {};
  request.rawHeaders = [];
  for (const [name, values] of Object.entries(params.headersMap)) {
    const key = name.toLowerCase();
    for (const value of values) request.rawHeaders.push(name, value);
    if (key === 'set-cookie') headers[key] = [...(headers[key] || []), ...values];
    else if (UNIQUE.has(key)) headers[key] = headers[key] === undefined ? values[0] : headers[key];
    else headers[key] = [...(headers[key] === undefined ? [] : [headers[key]]), ...values].join(', ');
  }
  request.headers = headers;
  request.httpVersion = '1.1';
  request.method = params.method;
  request.url = params.requestURI;
  request.path = params.path;
  request.clientIP = params.clientIP;
  request.queries = {};
  for (const [name, values] of Object.entries(params.queriesMap)) {
    request.queries[name] = values.length === 1 ? values[0] : values;
  }
  request.body = body;
  request.getHeader = (name) => headers[String(name).toLowerCase()];
  request.complete = true;
  if (body.length > 0) request.push(body);
  request.push(null);
  return request;
}

/** What a handler answers with. What it has sent it can't change. */
class Response {
  constructor(invocation) {
    this.statusCode = 200;
    this.headers = new Map();
    // Not to be seen by whoever prints a response.
    Object.defineProperty(this, 'invocation', { value: invocation });
    Object.defineProperty(this, 'isSent', { value: false, writable: true });
  }

  setStatusCode(code) {
    this.mustBeOpen();
    if (!Number.isInteger(code)) throw new TypeError(`the status code must be an integer, not ${String(code)}`);
    this.statusCode = code;
  }

  setHeader(name, value) {
    this.mustBeOpen();
    this.headers.set(String(name).toLowerCase(), [String(name), Array.isArray(value) ? value : [value]]);
  }

  deleteHeader(name) {
    this.mustBeOpen();
    this.headers.delete(String(name).toLowerCase());
  }

  hasHeader(name) {
    return this.headers.has(String(name).toLowerCase());
  }

  send(body) {
    this.mustBeOpen();
    this.isSent = true;
    if (body === undefined || body === null) this.finish(NOTHING);
    else if (Buffer.isBuffer(body) || typeof body === 'string') this.finish(Buffer.from(body));
    else if (typeof body.pipe === 'function') this.drain(body);
    else throw new TypeError('the body of a response must be a Buffer, a string or a readable stream');
  }

  drain(stream) {
    const parts = [];
    let size = 0;
    stream.on('data', (part) => {
      const piece = Buffer.from(part);
      size += piece.length;
      if (size <= RESPONSE_LIMIT) parts.push(piece);
    });
    stream.on('error', (error) => this.invocation.fail(error));
    stream.on('end', () => {
      // One byte too much is enough to be refused.
      this.finish(size > RESPONSE_LIMIT ? Buffer.alloc(RESPONSE_LIMIT + 1) : Buffer.concat(parts));
    });
  }

  finish(body) {
    const headers = [];
    for (const [name, values] of this.headers.values()) {
      // Through bytes, because half a character would not be JSON.
      for (const value of values) headers.push([name, String(value)].map((text) => String(Buffer.from(text))));
    }
    // The header of a frame is ASCII.
    const escape = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
    const text = stringify(headers).replace(/[\u0080-\uffff]/g, escape);
    if (text.length > HEAD_LIMIT) {
      this.invocation.fail(new Error('the headers of the response are too long'));
      return;
    }
    this.invocation.head = `,"status":${this.statusCode},"headers":${text}`;
    this.invocation.succeed(body);
  }

  mustBeOpen() {
    if (this.isSent) throw new Error('the response has been sent already');
  }
}

// --- the worker --------------------------------------------------------------------------------------------

let current = null;
let isLeaving = false;
let hold = null; // keeps the process alive while a handler has nothing more to do

// Requests start here, so that what AsyncLocalStorage holds for one of them does not reach the next.
const outside = new AsyncResource('fun-local');

/** Take the next request. Not at once: what the handler does after its answer, and what is due, goes first. */
function serveSoon() {
  setImmediately(() => outside.runInAsyncScope(serve));
}

function serve() {
  if (hold) {
    stopRepeating(hold);
    hold = null;
  }
  let frame = null;
  try {
    frame = readFrame();
  } catch (error) {
    // The function has closed our socket.
  }
  if (frame === null) {
    leave();
    return;
  }
  current = new Invocation(...frame);
  current.start();
}

/**
 * SIGURG: preStop, which must not wait for the end of what we are doing (runtime.md 5.6). The daemon has sent
 * the frame before the signal. A handler that blocks the event loop can't be interrupted; when none is running,
 * the frame is read like any other.
 */
function onCalled() {
  if (current === null || !current.isOpen || current.kind === PRE_STOP) return;
  const frame = readFrame();
  if (frame !== null) outside.runInAsyncScope(() => new Invocation(...frame, current).start());
}

/** The event loop is empty. */
function onIdle() {
  if (isLeaving) return;
  if (!current.isOpen) {
    serveSoon(); // this is what waitsForEmptyEventLoopBeforeCallback has waited for
    return;
  }
  say('fun-local: the handler has not answered and nothing seems to be left that could; its time runs out');
  hold = setRepeatedly(() => {}, 1 << 30);
}

/** Process-wide, because nobody can tell which request a timer belongs to: the one that runs is answered. */
function onUncaught(error) {
  if (isModern) {
    current.fail(error);
    return;
  }
  log.error('%s', storyOf(error));
  const message = 'FunctionUnhandledError: uncaughtException';
  current.finish('unhandled', { errorMessage: message, errorType: 'FunctionHandledError' });
}

/** Up to nodejs14 an unhandled rejection is a warning and no more; newer ones treat it like an exception. */
function onRejection(reason) {
  if (major >= 15) onUncaught(reason);
  else log.warn('UnhandledPromiseRejectionWarning: %s', storyOf(reason));
}

/**
 * The daemon has closed its end. It sends SIGTERM first, so we are still here because it is dead, or because
 * the function listens to that signal: then it has until the event loop is empty, or the daemon is patient.
 */
function leave() {
  isLeaving = true;
  if (process.listenerCount('SIGTERM') === 0) endGroup();
  setImmediately(() => {}); // one more turn of the loop: in it the listener is called
}

function endGroup() {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch (error) {
    process.reallyExit(1); // not a group of our own
  }
}

/**
 * Where the kernel does not watch the leash a shell does; for a thread of ours process.exit() would wait. It
 * writes until the pipe is full: the write that then blocks fails when the daemon dies.
 */
function watchLeash() {
  if (process.platform === 'linux') return;
  const { spawn } = require('child_process');
  const script = `trap '' PIPE; while printf %4096s x; do :; done; kill -s KILL -- -${process.pid}`;
  spawn('/bin/sh', ['-c', script], { stdio: ['ignore', leash, 'ignore'] }).unref();
}

/** The process as the function's code expects it (runtime.md 2.11, 3.1). */
function setUp() {
  for (const name of Object.keys(process.env)) {
    if (/^_?FC_/.test(name) && !SAFE.has(name)) delete process.env[name];
  }
  const layers = ['/usr/local/lib', `/opt/nodejs/node${major}`, '/opt/nodejs'];
  const given = process.env.NODE_PATH ? [process.env.NODE_PATH] : [];
  process.env.NODE_PATH = [...given, ...layers.map((layer) => `${layer}/node_modules`)].join(':');
  Module._initPaths(); // has read the variable before we came
  process.argv.length = 2;
  // What the function forks gets our flags, and would wait for a debugger of its own.
  process.execArgv = process.execArgv.filter((flag) => !flag.startsWith('--inspect'));
  takeOverConsole();
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onRejection);
  process.on('beforeExit', onIdle);
  if (fixed.has_pre_stop) process.on('SIGURG', onCalled);
}

function main() {
  const frame = readFrame();
  if (frame === null) process.reallyExit(0);
  learn(frame[0]);
  watchLeash();
  setUp();
  reply('ready', NOTHING, fixed.has_pre_stop ? ',"is_interruptible":true' : '');
  serveSoon();
}

main();
