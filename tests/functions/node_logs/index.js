'use strict';

exports.levels = (event, context, callback) => {
  console.log('plain %d', 7, { a: 1 });
  console.debug('detail');
  console.info('note');
  console.warn('two\nlines');
  console.error(new Error('shown').message);
  console.table([{ a: 1 }]);
  context.logger.log('own');
  context.logger.warn('own %s', 'warning');
  callback();
};

exports.raw = (event, context, callback) => {
  process.stdout.write('to stdout\n');
  process.stderr.write('to stderr\n');
  require('child_process').spawnSync('echo', ['from a child'], { stdio: 'inherit' });
  callback();
};

exports.filtered = (event, context, callback) => {
  if (console.setLogLevel) console.setLogLevel('warn');
  console.log('hidden');
  console.info('hidden');
  console.warn('shown');
  context.logger.setLogLevel('error');
  context.logger.warn('hidden');
  context.logger.error('shown');
  callback(null, typeof console.setLogLevel);
};

let first = null;
exports.shared = (event, context, callback) => {
  first = first || context.logger;
  first.info('of the first');
  console.info('of the latest');
  callback();
};

exports.meddles = (event, context, callback) => {
  console.error = () => {};
  process.stdout.write = () => true;
  global.Date = global.setImmediate = global.Buffer = JSON.parse = require('fs').writeSync = undefined;
  callback(null, 'still here');
};
