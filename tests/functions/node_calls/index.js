'use strict';
const { AsyncLocalStorage } = require('async_hooks');

exports.returnsValue = (event) => 'returned';
exports.returnsPromise = async (event) => 'resolved';
exports.returnsThenable = (event) => ({ then: (resolve) => resolve('then') });
exports.callsLater = (event, context, callback) => {
  setTimeout(() => callback(null, 'later'), Number(event));
};
exports.callsTwice = (event, context, callback) => {
  callback(null, 'first');
  callback(null, 'second');
  callback(new Error('third'));
};
exports.callsAndResolves = async (event, context, callback) => {
  callback(null, 'called');
  return 'resolved';
};
exports.callsAndThrows = (event, context, callback) => {
  callback(null, 'called');
  throw new Error('too late');
};
exports.callsWithUndefined = (event, context, callback) => callback(undefined, 'fine');
exports.callsWithNothing = (event, context, callback) => callback();
exports.rejects = async () => {
  throw new Error('refused');
};

let ticks = 0;
exports.leavesTimer = (event, context, callback) => {
  setTimeout(() => console.log('timer of', context.requestId, 'in', ++ticks), 20);
  callback(null, 'left');
};
exports.waitsTicks = (event, context, callback) => {
  const look = () => (ticks ? callback(null, `${ticks}`) : setTimeout(look, 1));
  look();
};
exports.ticksNow = (event, context, callback) => callback(null, `${ticks}`);
exports.drains = (event, context, callback) => {
  context.waitsForEmptyEventLoopBeforeCallback = true;
  setTimeout(() => ticks++, 100);
  callback(null, `${ticks} ${context.waitsForEmptyEventLoopBeforeCallback}`);
};

const storage = new AsyncLocalStorage();
exports.stores = (event, context, callback) => {
  const before = storage.getStore();
  storage.run(String(event), () => setTimeout(() => callback(null, String(before)), 1));
};
