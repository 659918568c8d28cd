'use strict';
const { spawn } = require('child_process');

exports.exits = (event) => {
  console.log('going');
  const ways = {
    exit: () => process.exit(3),
    abort: () => process.abort(),
    kill: () => process.kill(process.pid, 'SIGKILL'),
    later: () => setTimeout(() => process.exit(0), 1),
  };
  ways[event]();
};

exports.waits = (event, context, callback) => {
  console.log('waiting');
  setTimeout(() => callback(null, 'finished'), 600000);
};

exports.blocks = () => {
  console.log('waiting');
  for (;;);
};

exports.silent = (event) => {};

exports.listens = (event, context, callback) => {
  process.on('SIGTERM', () => {
    console.log('caught');
    setTimeout(() => callback(null, 'finished all the same'), 50);
  });
  console.log('waiting');
  setInterval(() => {}, 600000).unref();
  setTimeout(() => {}, 600000).unref();
};

exports.leavesListener = (event, context, callback) => {
  process.on('SIGTERM', () => console.log('caught when idle'));
  callback(null, 'left');
};

exports.children = (event, context, callback) => {
  spawn('sleep', ['600'], { stdio: 'ignore' });
  spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
  console.log('children are there');
  if (String(event) === 'return') callback(null, 'children left');
  if (String(event) === 'exit') process.exit(1);
};

exports.pid = (event, context, callback) => {
  global.count = (global.count || 0) + 1;
  callback(null, `${process.pid} ${global.count}`);
};

exports.holds = (event, context, callback) => {
  const held = Buffer.alloc(Number(event) * 1024 * 1024, 'x');
  setTimeout(() => callback(null, `${held.length}`), 60);
};
