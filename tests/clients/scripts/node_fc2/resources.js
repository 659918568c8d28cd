// Services and functions with `@alicloud/fc2`: made, changed, listed, deleted, and refused.
'use strict';

const assert = require('assert');
const { claim, fresh, refused, run } = require('../claims');
const { archive, client, here, made } = require('./laptop');

claim('a service comes back as it was made and changed', async () => {
  const name = fresh('service');
  const role = 'acs:ram::1234567890123456:role/reader';
  const answer = await here.createService(name, { description: 'first', role, internetAccess: false });
  assert(answer.headers.etag && answer.headers['x-fc-request-id']);
  const found = (await here.getService(name)).data;
  assert.deepStrictEqual(found, answer.data);
  assert.deepStrictEqual([found.description, found.role, found.internetAccess], ['first', role, false]);
  const changed = (await here.updateService(name, { description: 'second' })).data;
  assert.deepStrictEqual([changed.description, changed.role], ['second', role]);
});

claim('services are listed a page at a time', async () => {
  for (const n of [0, 1, 2]) await here.createService(`paged-${n}`);
  const first = (await here.listServices({ prefix: 'paged-', limit: 2 })).data;
  const { nextToken } = first;
  const rest = (await here.listServices({ prefix: 'paged-', limit: 2, nextToken })).data;
  const names = [...first.services, ...rest.services].map((one) => one.serviceName);
  assert.deepStrictEqual(names, ['paged-0', 'paged-1', 'paged-2']);
});

claim('a function comes back as it was made and changed', async () => {
  const names = await made({ memorySize: 512, timeout: 20, environmentVariables: { GREETING: 'hello' } });
  const found = (await here.getFunction(...names)).data;
  assert.deepStrictEqual([found.memorySize, found.timeout], [512, 20]);
  assert.strictEqual((await here.invokeFunction(...names, 'environment GREETING')).data, '"hello"');
  const changed = (await here.updateFunction(...names, { timeout: 30 })).data;
  assert.deepStrictEqual([changed.timeout, changed.memorySize], [30, 512]);
  const zipFile = (await archive("exports.handler = (e, c, done) => done(null, 'new');")).toString('base64');
  await here.updateFunction(...names, { code: { zipFile } });
  assert.strictEqual((await here.invokeFunction(...names, '')).data, 'new');
  const listed = (await here.listFunctions(names[0])).data.functions;
  assert.deepStrictEqual(listed.map((one) => one.functionName), ['work']);
});

claim('code is downloaded as it was uploaded', async () => {
  const zip = await archive();
  const names = await made({ code: { zipFile: zip.toString('base64') } });
  const { url, checksum } = (await here.getFunctionCode(...names)).data;
  assert.deepStrictEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), zip);
  assert.strictEqual(checksum, (await here.getFunction(...names)).data.codeChecksum);
});

claim('what is not there, in use or invalid is refused with its code', async () => {
  const names = await made();
  const cases = [
    ['ServiceNotFound', () => here.getService('nowhere')],
    ['FunctionNotFound', () => here.getFunction(names[0], 'nothing')],
    ['FunctionNotFound', () => here.invokeFunction(names[0], 'nothing', '')],
    ['ServiceAlreadyExists', () => here.createService(names[0])],
    ['ServiceNotEmpty', () => here.deleteService(names[0])],
    ['InvalidArgument', () => here.createService('1st')],
    ['InvalidArgument', () => here.updateFunction(...names, { memorySize: 1 })],
  ];
  for (const [code, call] of cases) {
    const error = await refused(call);
    assert.strictEqual(error.code, code);
    assert(/\d{3}/.test(error.message) && !error.message.includes('undefined'), error.message);
  }
});

claim('only who has seen the last state changes it', async () => {
  const names = await made();
  const seen = { 'if-match': (await here.getFunction(...names)).headers.etag };
  await here.updateFunction(...names, { description: '1' }, seen);
  const error = await refused(() => here.updateFunction(...names, { description: '2' }, seen));
  assert.strictEqual(error.code, 'PreconditionFailed');
});

claim('a wrong secret or key is refused', async () => {
  let error = await refused(() => client({ accessKeySecret: 'wrong' }).listServices());
  assert.strictEqual(error.code, 'SignatureNotMatch');
  error = await refused(() => client({ accessKeyID: 'nobody' }).listServices());
  assert.strictEqual(error.code, 'InvalidAccessKeyID');
});

claim('what is deleted is gone', async () => {
  const names = await made();
  await here.deleteFunction(...names);
  await here.deleteService(names[0]);
  assert.strictEqual((await refused(() => here.getService(names[0]))).code, 'ServiceNotFound');
});

run();
