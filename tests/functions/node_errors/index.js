'use strict';

class Refused extends Error {
  get name() {
    return 'Refused';
  }
}

exports.calls = (event, context, callback) => callback(new Error('oops'));
exports.callsWithText = (event, context, callback) => callback('just text');
exports.callsWithObject = (event, context, callback) => callback({ code: 7 });
exports.throws = () => {
  throw new Refused('not today');
};
exports.rejects = async () => {
  await null;
  throw new Refused('not today');
};
exports.throwsText = () => {
  throw 'just text';
};
exports.unprintable = () => {
  const error = new Error('x');
  Object.defineProperty(error, 'message', { get: () => { throw new Error('no words for it'); } });
  throw error;
};
exports.long = (event, context, callback) => callback(new Error('y'.repeat(300 * 1024)));

exports.later = (event, context, callback) => {
  setTimeout(() => {
    throw new Refused('nobody catches this');
  }, 1);
};
exports.floating = (event, context, callback) => {
  Promise.reject(new Refused('nobody awaits this'));
  setTimeout(() => callback(null, 'survived'), 50);
};
exports.afterwards = (event, context, callback) => {
  callback(null, 'answered');
  setImmediate(() => {
    throw new Refused('nobody is waiting');
  });
};
exports.echo = (event, context, callback) => callback(null, event);
