'use strict';
// The Node.js functions of the mixes (tests/crash/mix.py).

exports.quick = (event, context, callback) => callback(null, event);

exports.fails = (event, context, callback) => callback(new Error('every time'));

exports.slow = async (event) => {
  await new Promise((resolve) => setTimeout(resolve, 200));
  return event;
};
