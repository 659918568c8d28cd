// Versions, aliases, asynchronous configurations and triggers with `@alicloud/fc2`.
'use strict';

const assert = require('assert');
const { claim, refused, run } = require('../claims');
const { here, made, record, start } = require('./laptop');

claim('a version stays as it was published', async () => {
  const names = await made({ environmentVariables: { STATE: 'old' } });
  assert.strictEqual((await here.publishVersion(names[0], 'the first')).data.versionId, '1');
  await here.updateFunction(...names, { environmentVariables: { STATE: 'new' } });
  const read = async (qualifier) =>
    (await here.invokeFunction(...names, 'environment STATE', {}, qualifier)).data;
  assert.deepStrictEqual([await read('1'), await read()], ['"old"', '"new"']);
  const listed = (await here.listVersions(names[0])).data.versions;
  assert.deepStrictEqual(listed.map((one) => one.description), ['the first']);
});

claim('an alias leads to its version, which is not deleted before it', async () => {
  const [service] = await made();
  await here.publishVersion(service);
  await here.createAlias(service, 'prod', '1', { description: 'live', additionalVersionWeight: {} });
  await here.updateAlias(service, 'prod', '1', { description: 'still' });
  const found = (await here.getAlias(service, 'prod')).data;
  assert.deepStrictEqual([found.versionId, found.description], ['1', 'still']);
  assert.strictEqual((await here.listAliases(service)).data.aliases.length, 1);
  await refused(() => here.deleteVersion(service, '1'));
  await here.deleteAlias(service, 'prod');
  await here.deleteVersion(service, '1');
  assert.strictEqual((await refused(() => here.getAlias(service, 'prod'))).code, 'AliasNotFound');
});

claim('an asynchronous configuration comes back as it was put', async () => {
  const [service, name] = await made();
  const config = {
    maxAsyncRetryAttempts: 2,
    maxAsyncEventAgeInSeconds: 600,
    statefulInvocation: true,
    destinationConfig: { onFailure: { destination: 'acs:mns:::/queues/letters/messages' } },
  };
  await here.putFunctionAsyncConfig(service, name, 'LATEST', config);
  const found = (await here.getFunctionAsyncConfig(service, name, 'LATEST')).data;
  for (const key of Object.keys(config)) assert.deepStrictEqual(found[key], config[key]);
  assert.strictEqual((await here.listFunctionAsyncConfigs(service, name)).data.configs.length, 1);
  await here.deleteFunctionAsyncConfig(service, name, 'LATEST');
  const error = await refused(() => here.getFunctionAsyncConfig(service, name, 'LATEST'));
  assert.strictEqual(error.code, 'AsyncConfigNotExists');
});

claim('an alias has a configuration of its own', async () => {
  const names = await made();
  await here.publishVersion(names[0]);
  await here.createAlias(names[0], 'prod', '1');
  const config = { statefulInvocation: true, maxAsyncRetryAttempts: 0 };
  await here.putFunctionAsyncConfig(...names, 'prod', config);
  const id = await start(names, 'x', 'through-the-alias', 'prod');
  assert.strictEqual((await record(names, id, 'Succeeded')).qualifier, 'prod');
});

claim('a trigger comes back as it was made and changed', async () => {
  const names = await made();
  const triggerConfig = { payload: 'tick', cronExpression: '@every 60m', enable: false };
  await here.createTrigger(...names, { triggerName: 'clock', triggerType: 'timer', triggerConfig });
  assert.deepStrictEqual((await here.getTrigger(...names, 'clock')).data.triggerConfig, triggerConfig);
  triggerConfig.payload = 'tock';
  await here.updateTrigger(...names, 'clock', { triggerConfig });
  assert.deepStrictEqual((await here.listTriggers(...names)).data.triggers[0].triggerConfig, triggerConfig);
  assert.strictEqual((await refused(() => here.deleteFunction(...names))).code, 'FunctionNotEmpty');
  await here.deleteTrigger(...names, 'clock');
  assert.strictEqual((await refused(() => here.getTrigger(...names, 'clock'))).code, 'TriggerNotFound');
});

run();
