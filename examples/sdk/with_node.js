// Drives the function with the Node.js SDK, which has no calls for stateful invocations but signs any path.
// Needs the package @alicloud/fc2. The same program works in the cloud: only the environment differs.
'use strict';

const FC = require('@alicloud/fc2');

// The last status a record can have.
const FINAL = ['Succeeded', 'Failed', 'Stopped', 'Expired', 'Invalid'];

const { ACCOUNT_ID, ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION, FC_ENDPOINT } = process.env;
const fc = new FC(ACCOUNT_ID, {
  accessKeyID: ACCESS_KEY_ID,
  accessKeySecret: ACCESS_KEY_SECRET,
  region: REGION,
  endpoint: FC_ENDPOINT,
});

async function main(text) {
  const event = JSON.stringify({ text });
  const headers = { 'x-fc-invocation-type': 'Async' };
  const answer = await fc.invokeFunction('library', 'count', event, headers);
  const id = answer.headers['x-fc-stateful-async-invocation-id'];
  for (;;) {
    const path = `/services/library/functions/count/stateful-async-invocations/${id}`;
    const record = (await fc.get(path)).data;
    if (FINAL.includes(record.status)) return console.log(record.status, record.returnPayload);
    await new Promise((done) => setTimeout(done, 200));
  }
}

main(process.argv[2]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
