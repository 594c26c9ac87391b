import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deleteInstance, resize } from '../dev/estate.ts';
import { prepare } from '../dev/prepare.ts';
import { startStack } from '../dev/stack.ts';
import { kubectlTable } from '../dev/table.ts';
import { sources } from '../lib/sources.ts';
import { terminalSvg } from './terminal-svg.ts';

// The picture in the README: what a terminal shows of a real run on the local stack.
const columns = 132;
const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const home = { account: '111122223333', region: 'us-east-1' };
const lines: string[] = [];

await prepare(console.error);
const stack = await startStack(console.error);
const folder = await mkdtemp(join(tmpdir(), 'skymirror-picture-'));
try {
  const configuration = {
    clusters: { prod: { kubeconfig: stack.kubernetes.kubeconfig('skymirror') } },
    accounts: { main: { id: home.account, role: stack.aws.roleArn(home.account), externalId: stack.aws.externalId } },
    mirrors: [
      {
        name: 'production',
        sources: sources.map(({ kind }) => kind),
        accounts: ['main'],
        regions: [home.region],
        namespace: 'external',
        labels: ['team'],
      },
    ],
  };
  await writeFile(join(folder, 'skymirror.yaml'), JSON.stringify(configuration));
  await skymirror('sync');
  const path = '/apis/aws.skymirror.dev/v1alpha1/namespaces/external/rdsinstances';
  const selector = { labelSelector: 'tags.skymirror.dev/team=commerce', most: 5, width: columns };
  say('kubectl get rdsinstances -n external -l tags.skymirror.dev/team=commerce');
  lines.push(...(await kubectlTable(stack.kubernetes, path, selector)), '');
  say('# meanwhile in AWS: "orders" is resized, "wiki" is deleted');
  await resize(stack.aws, { ...home, identifier: 'orders' }, 'db.r6g.2xlarge');
  await deleteInstance(stack.aws, { ...home, identifier: 'wiki' });
  await skymirror('plan');
  await skymirror('status');
} finally {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
}
await writeFile(new URL('../docs/terminal.svg', import.meta.url), terminalSvg('skymirror', lines, columns));

function say(command: string): void {
  lines.push(`\u001b[36m${command.startsWith('#') ? '' : '$ '}${command}\u001b[39m`);
}

/** Runs a command as its user sees it; what it ends with does not matter here. */
async function skymirror(command: string): Promise<void> {
  say(`npx skymirror ${command}`);
  const { promise, resolve } = Promise.withResolvers<string>();
  const env = { ...process.env, FORCE_COLOR: '1' };
  execFile(process.execPath, [main, command], { cwd: folder, env }, (_, stdout) => resolve(stdout));
  lines.push(...(await promise).trimEnd().split('\n'), '');
}
