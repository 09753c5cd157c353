// Stands for the platform's component `scf`: what it does with the inputs of a serverless.yml, by the very toolkit that
// it uses (npm tencent-component-toolkit). The component's own code is not on npm; what it adds to the inputs is in
// `deploy` below. Deployments come as lines of JSON and are answered line by line.
'use strict';

const path = require('path');
const readline = require('readline');
const { Cos, Scf } = require('tencent-component-toolkit');

console.log = console.error; // the toolkit's progress; stdout is for answers

async function deploy({ inputs, zip, credentials, appId }) {
  const region = inputs.region || 'ap-guangzhou';
  const code = {
    bucket: `sls-cloudfunction-${region}-code`,
    object: `/scf_component_${path.basename(zip)}`,
  };
  const bucket = `${code.bucket}-${appId}`;
  const keys = { ...credentials }; // the toolkit writes into what it is given
  const cos = new Cos(keys, region);
  await cos.deploy({ bucket, force: true });
  await cos.upload({ bucket, file: zip, key: code.object });
  const scf = new Scf({ ...credentials }, region);
  return scf.deploy({ ...inputs, code, events: inputs.events || [] });
}

const lines = readline.createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    let answer;
    try {
      answer = { outputs: await deploy(JSON.parse(line)) };
    } catch (error) {
      answer = { error: `${error.type || error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
})();
