// The platform's component `scf`: deploys the inputs of a serverless.yml with the toolkit that the component uses
// (npm tencent-component-toolkit). The component's code is not on npm, `deploy` has its additions to the inputs.
// Deployments and their results are lines of JSON.
'use strict';

const path = require('path');
const readline = require('readline');
const { Cos, Scf } = require('tencent-component-toolkit');

console.log = console.error; // stdout is for results

async function deploy({ inputs, zip, credentials, appId }) {
  const region = inputs.region || 'ap-guangzhou';
  const code = {
    bucket: `sls-cloudfunction-${region}-code`,
    object: `/scf_component_${path.basename(zip)}`,
  };
  const bucket = `${code.bucket}-${appId}`;
  const keys = { ...credentials }; // the toolkit changes its argument
  const cos = new Cos(keys, region);
  await cos.deploy({ bucket, force: true });
  await cos.upload({ bucket, file: zip, key: code.object });
  const scf = new Scf({ ...credentials }, region);
  return scf.deploy({ ...inputs, code, events: inputs.events || [] });
}

const lines = readline.createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    let result;
    try {
      result = { outputs: await deploy(JSON.parse(line)) };
    } catch (error) {
      result = { error: `${error.type || error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
})();
