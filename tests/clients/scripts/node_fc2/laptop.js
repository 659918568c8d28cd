// The client `@alicloud/fc2`, pointed at the laptop.
'use strict';

const FC = require('@alicloud/fc2');
const JSZip = require('jszip');
const { eventually, fresh } = require('../claims');

const { FC_ENDPOINT, ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION } = process.env;

exports.client = (other = {}) =>
  new FC(ACCOUNT_ID, {
    accessKeyID: ACCESS_KEY_ID,
    accessKeySecret: ACCESS_KEY_SECRET,
    region: REGION,
    endpoint: FC_ENDPOINT,
    timeout: 60000,
    ...other,
  });

const here = (exports.here = exports.client());

// Does what its event says.
exports.SOURCE = `
exports.handler = (event, context, callback) => {
  const [word, ...rest] = event.toString().split(' ');
  if (word === 'raise') throw new TypeError(rest.join(' '));
  if (word === 'sleep') return setTimeout(() => callback(null, ''), Number(rest[0]) * 1000);
  if (word === 'say') console.log(rest.join(' '));
  if (word === 'environment') return callback(null, JSON.stringify(process.env[rest[0]] || null));
  return callback(null, event);
};
`;

exports.archive = async (source = exports.SOURCE) => {
  const zip = new JSZip();
  zip.file('index.js', source);
  return zip.generateAsync({ type: 'nodebuffer' });
};

exports.service = async (options) => (await here.createService(fresh('service'), options)).data.serviceName;

// A service with a function; both names.
exports.made = async (options = {}) => {
  const service = await exports.service();
  await here.createFunction(service, {
    functionName: 'work',
    runtime: 'nodejs14',
    handler: 'index.handler',
    code: { zipFile: (await exports.archive()).toString('base64') },
    ...options,
  });
  return [service, 'work'];
};

// A function whose asynchronous invocations are recorded.
exports.stateful = async (config = {}) => {
  const names = await exports.made();
  const put = { statefulInvocation: true, maxAsyncRetryAttempts: 0, ...config };
  await here.putFunctionAsyncConfig(...names, 'LATEST', put);
  return names;
};

exports.start = async (names, event, id = fresh('job'), qualifier = undefined) => {
  const headers = { 'x-fc-invocation-type': 'Async', 'x-fc-stateful-async-invocation-id': id };
  await here.invokeFunction(...names, event, headers, qualifier);
  return id;
};

// The client has no calls for stateful invocations, but it signs any path (wire 3.2).
exports.records = ([service, name], id = '') =>
  `/services/${service}/functions/${name}/stateful-async-invocations${id && `/${id}`}`;

// The record of an invocation, once it has this status.
exports.record = (names, id, status) =>
  eventually(
    async () => (await here.get(exports.records(names, id))).data,
    (found) => found.status === status
  );
