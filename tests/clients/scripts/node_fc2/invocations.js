// Invocations with `@alicloud/fc2`: results, errors, logs, and asynchronous ones that leave a record.
'use strict';

const assert = require('assert');
const { claim, refused, run } = require('../claims');
const { here, made, record, records, start, stateful } = require('./laptop');

claim('a result comes back byte for byte', async () => {
  const names = await made();
  const event = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  const answer = await here.invokeFunction(...names, event, {}, undefined, { rawBuf: true });
  assert.deepStrictEqual(answer.data, event);
  assert.strictEqual((await here.invokeFunction(...names, '')).data, '');
});

claim('an error of the function is an answer that says so', async () => {
  const answer = await here.invokeFunction(...(await made()), 'raise too much');
  assert(answer.headers['x-fc-error-type']);
  const { errorMessage } = typeof answer.data === 'string' ? JSON.parse(answer.data) : answer.data;
  assert.strictEqual(errorMessage, 'too much');
});

claim('the end of the log comes with the answer on request', async () => {
  const headers = { 'x-fc-log-type': 'Tail' };
  const answer = await here.invokeFunction(...(await made()), 'say good morning', headers);
  const log = Buffer.from(answer.headers['x-fc-log-result'], 'base64').toString();
  assert(log.includes('good morning'), log);
});

claim('an asynchronous invocation leaves a record', async () => {
  const names = await stateful();
  const headers = { 'x-fc-invocation-type': 'Async', 'x-fc-stateful-async-invocation-id': 'named-by-me' };
  const answer = await here.invokeFunction(...names, '{"n": 7}', headers);
  assert.strictEqual(answer.headers['x-fc-stateful-async-invocation-id'], 'named-by-me');
  const found = await record(names, 'named-by-me', 'Succeeded');
  assert.deepStrictEqual([found.invocationPayload, found.returnPayload], ['{"n": 7}', '{"n": 7}']);
  assert.strictEqual(found.requestId, answer.headers['x-fc-request-id']);
});

claim('a failure is tried again as often as configured', async () => {
  const names = await stateful({ maxAsyncRetryAttempts: 1 });
  const found = await record(names, await start(names, 'raise no'), 'Failed');
  assert.strictEqual(found.alreadyRetriedTimes, 1);
});

claim('a running invocation is stopped, and only once', async () => {
  const names = await stateful();
  const id = await start(names, 'sleep 600');
  await record(names, id, 'Running');
  await here.put(records(names, id), null);
  await record(names, id, 'Stopped');
  await refused(() => here.put(records(names, id), null));
});

claim('invocations are listed a page at a time, an id in use and an unknown one are refused', async () => {
  const names = await stateful();
  for (const n of [0, 1, 2]) await record(names, await start(names, `${n}`, `job-${n}`), 'Succeeded');
  const query = { limit: 2, sortOrderByTime: 'asc' };
  const first = (await here.get(records(names), query)).data;
  const rest = (await here.get(records(names), { ...query, nextToken: first.nextToken })).data;
  const ids = [...first.invocations, ...rest.invocations].map((one) => one.invocationId);
  assert.deepStrictEqual(ids, ['job-0', 'job-1', 'job-2']);
  const error = await refused(() => start(names, '', 'job-0'));
  assert.strictEqual(error.code, 'StatefulAsyncInvocationAlreadyExists');
  await refused(() => here.get(records(names, 'nobody')));
});

run();
