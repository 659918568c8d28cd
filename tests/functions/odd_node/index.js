'use strict';
// What functions do that nobody expects of them, one handler each.

class MyError extends Error {
  constructor(message) {
    super(message);
    this.name = 'MyError';
  }
}

exports.callsWithError = (event, context, callback) => callback(new MyError('oops'));
exports.callsWithText = (event, context, callback) => callback('just text');
exports.callsWithObject = (event, context, callback) => callback({ code: 7 });
exports.throws = () => {
  throw new MyError('oops');
};
exports.throwsText = () => {
  throw 'just text';
};
exports.rejects = async () => {
  throw new MyError('oops');
};
exports.later = () => {
  setTimeout(() => {
    throw new MyError('in a timer');
  }, 1);
};
exports.floats = (event, context, callback) => {
  Promise.reject(new MyError('nobody awaits this'));
  setTimeout(() => callback(null, 'survived'), 20);
};
exports.exits = (event) => {
  console.log('going');
  process.exit(Number(event));
};
exports.aborts = () => process.abort();
exports.kills = () => process.kill(process.pid, 'SIGKILL');
exports.resolves = async (event) => `resolved ${event}`;
exports.returns = () => 'returned';
exports.silent = () => {};
exports.blocks = () => {
  console.log('blocking');
  for (;;);
};
exports.callsTwice = (event, context, callback) => {
  callback(null, 'first');
  callback(new MyError('second'));
};
exports.buffer = (event, context, callback) => callback(null, Buffer.from([0xff, 0x00, 0x41]));
exports.object = (event, context, callback) => callback(null, { b: 1, a: [undefined, null, 'é'] });
exports.nothing = (event, context, callback) => callback(null, undefined);
exports.number = (event, context, callback) => callback(null, 0.1);
exports.truth = (event, context, callback) => callback(null, false);
exports.circular = (event, context, callback) => {
  const circle = {};
  circle.itself = circle;
  callback(null, circle);
};
exports.bigint = (event, context, callback) => callback(null, { n: 10n });
exports.big = (event, context, callback) => callback(null, Buffer.alloc(Number(event), 'x'));
exports.levels = (event, context, callback) => {
  console.log('plain %d', 7);
  console.debug('debug');
  console.info('info');
  console.warn('two\nlines');
  console.error('error');
  process.stdout.write('as it is\n');
  callback();
};
exports.leavesTimer = (event, context, callback) => {
  setInterval(() => {}, 10);
  callback(null, 'left');
};
exports.leavesChild = (event, context, callback) => {
  require('child_process').spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  callback(null, 'left');
};
exports.hungry = () => {
  const kept = [];
  for (;;) kept.push(Buffer.alloc(8 << 20, 'x'));
};
exports.reads = (event, context, callback) => {
  callback(null, `<${require('fs').readFileSync(0)}>`);
};
exports.waits = (event, context, callback) => {
  console.log('at work');
  setTimeout(callback, 60000);
};
exports.preStop = (context, callback) => {
  console.log('goodbye');
  callback();
};
exports.initFails = (context, callback) => callback(new MyError('not ready'));
exports.initSleeps = () => {};
exports.notCallable = 42;
exports.failsFirst = (event, context, callback) => {
  console.log('attempt', context.retryCount);
  if (context.retryCount < Number(event)) callback(new MyError('not yet'));
  else callback(null, 'at last');
};
