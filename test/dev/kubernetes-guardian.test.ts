import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { isAlive, startTime } from '../../dev/guardian.ts';
import { until } from '../../dev/until.ts';

const dev = join(import.meta.dirname, '../../dev');
const module = (name: string) => JSON.stringify(pathToFileURL(join(dev, name)).href);
const startedSchema = z.object({ folder: z.string(), pids: z.array(z.number()) });

/** A program that starts a cluster, tells its processes and folder, and then does what `last` says. */
const withCluster = (last: string) => `
  import { guard } from ${module('guardian.ts')};
  import { startKubernetes } from ${module('kubernetes.ts')};
  const { folder, pids } = await startKubernetes();
  console.log(JSON.stringify({ folder, pids: [...Object.values(pids()), guard().pid] }));
  ${last}`;

/** The same with a sleeping shell in place of the cluster. */
const withSleeper = (last: string) => `
  import { mkdtempSync } from 'node:fs';
  import { guard, launch } from ${module('guardian.ts')};
  const owner = guard();
  const folder = mkdtempSync(${JSON.stringify(join(tmpdir(), 'skymirror-guardian-'))});
  owner.folder(folder);
  const { pid } = await launch(owner, '/bin/sh', ['-c', '/bin/sleep 600 & wait'], { log: folder + '/log' });
  console.log(JSON.stringify({ folder, pids: [pid, owner.pid] }));
  ${last}`;

const forever = 'setInterval(() => {}, 1000);';
const dies: [string, string, (program: ChildProcess) => void][] = [
  ['kill -9', withCluster(forever), ({ pid = 0 }) => process.kill(pid, 'SIGKILL')],
  ['Ctrl-C in its terminal', withCluster(forever), ({ pid = 0 }) => process.kill(-pid, 'SIGINT')],
  ['an exception', withCluster("process.stdin.once('data', () => { throw new Error('boom'); });"), goOn],
  ['kill', withSleeper(forever), ({ pid = 0 }) => process.kill(pid, 'SIGTERM')],
  ['the end of its terminal', withSleeper(forever), ({ pid = 0 }) => process.kill(-pid, 'SIGHUP')],
  ['its own end', withSleeper("process.stdin.once('data', () => process.stdin.destroy());"), goOn],
];

function goOn({ stdin }: ChildProcess): void {
  stdin?.write('go on\n');
}

test.each(dies)('leaves no process and no folder after %s', { timeout: 120_000 }, async (_, code, end) => {
  const program = spawn(process.execPath, ['--input-type=module', '-e', code], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void program.kill('SIGKILL'));
  const [line] = await once(createInterface(program.stdout), 'line');
  const { folder, pids } = startedSchema.parse(JSON.parse(String(line)));
  expect(existsSync(folder)).toBe(true);
  expect(pids.filter((pid) => !isAlive(pid))).toEqual([]);
  const exited = once(program, 'exit');
  end(program);
  await exited;
  await until(() => !existsSync(folder), { what: `the removal of ${folder}` });
  await until(() => !pids.some((pid) => isAlive(pid)), { what: `the end of ${pids.join(', ')}` });
});

test('a supervisor spares a process that has got the id of a guarded one, and obeys the last whole line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-guardian-'));
  const bystander = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
  onTestFinished(async () => {
    bystander.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const pid = bystander.pid ?? 0;
  mkdirSync(join(folder, 'doomed'));
  mkdirSync(join(folder, 'kept'));
  const isReused = startTime(pid) !== undefined;
  const state = [{ processes: isReused ? [{ pid, started: '1' }] : [], folders: [join(folder, 'doomed')] }];
  const supervisor = spawn(process.execPath, [join(dev, 'guardian.ts')], { stdio: ['pipe', 'ignore', 'inherit'] });
  supervisor.stdin.write(`[{"processes":[],"folders":[${JSON.stringify(join(folder, 'kept'))}]}]\n`);
  supervisor.stdin.end(`${JSON.stringify(state)}\n[{"processes":[`);
  expect(await once(supervisor, 'exit')).toEqual([0, null]);
  expect(existsSync(join(folder, 'doomed'))).toBe(false);
  expect(existsSync(join(folder, 'kept'))).toBe(true);
  expect(isAlive(pid)).toBe(true);
});
