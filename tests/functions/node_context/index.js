'use strict';

const seen = [];

exports.handler = (event, context, callback) => callback(null, context);

exports.methods = (event, context, callback) => callback(null, Object.keys(context.logger).sort());

exports.process = (event, context, callback) =>
  callback(null, {
    environment: process.env,
    cwd: process.cwd(),
    arguments: process.argv.length,
    options: process.execArgv,
    collects: typeof global.gc,
    paths: require('module').globalPaths,
  });

exports.initialize = (context, callback) => {
  seen.push(context.function.handler);
  callback();
};
exports.initializeLater = async (context) => {
  seen.push(context.function.handler);
};
exports.fails = (context, callback) => callback(new Error('not ready'));
exports.seen = (event, context, callback) => callback(null, [...seen, context.function.handler]);
exports.hook = (first, second) => {
  console.log(first.requestId, first.function.handler);
  second(null, 'ignored');
};
exports.works = (event, context, callback) => {
  console.log('at work');
  seen.push(callback);
  setTimeout(() => callback(null, 'done'), 600000);
};
exports.answers = (context, callback) => {
  console.log('goodbye from', context.function.handler);
  seen[0](null, 'met');
  callback();
};
exports.cleansUp = async (context) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  console.log('cleaned up');
};
exports.sleeps = () => {};
