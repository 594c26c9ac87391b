import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type CliResult, configFolder, runCli } from './cli.ts';

// How the process behaves where what is around it does not. It needs no AWS and no API server.
const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const outside = { AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: '/dev/null', NO_COLOR: '1' };

let folder: Awaited<ReturnType<typeof configFolder>>;
beforeAll(async () => {
  folder = await configFolder({
    accounts: { main: { id: '111122223333' } },
    mirrors: [
      {
        name: 'main',
        sources: ['RDSInstance', 'RDSCluster', 'SQSQueue'],
        accounts: ['main'],
        regions: ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'eu-west-1', 'eu-west-2'],
        namespace: 'external',
      },
    ],
  });
});
afterAll(() => folder.remove());

async function kubeconfig(name: string, server: string, user: object = {}): Promise<string> {
  const file = join(folder.folder, name);
  const clusters = [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }];
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  await writeFile(file, stringify({ 'current-context': 'c', clusters, users: [{ name: 'u', user }], contexts }));
  return file;
}

async function addressOf(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

function run(args: readonly string[], KUBECONFIG: string): Promise<CliResult> {
  return runCli([...args, '--config', folder.file], { env: { ...outside, KUBECONFIG } });
}

/** By a shell, which redirects; the code as the shell sees it. */
function redirected(command: string): Promise<{ code: number; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; stderr: string }>();
  const script = `"${process.execPath}" "${main}" ${command}`;
  execFile('/bin/sh', ['-c', script], { env: { ...process.env, ...outside } }, (error, _, stderr) => {
    resolve({ code: typeof error?.code === 'number' ? error.code : 0, stderr });
  });
  return promise;
}

describe('an output that takes nothing', () => {
  test('fails in one line', async () => {
    const { code, stderr } = await redirected('sources > /dev/full');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^skymirror: the output cannot be written: ENOSPC.*\n$/);
  });

  test('on stderr takes nothing from the result', async () => {
    const file = await kubeconfig('full', 'https://127.0.0.1:1');
    const options = `--account 111122223333 --region us-east-1 --kubeconfig "${file}"`;
    const { code } = await redirected(`init --yes --output - ${options} 2> /dev/full`);
    expect(code).toBe(0);
  });

  test('ends what is under way where its reader has gone', async () => {
    const KUBECONFIG = join(folder.folder, 'nowhere');
    const env = { ...process.env, ...outside, KUBECONFIG };
    const args = [main, 'sync', '--every', '1s', '--config', folder.file];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.destroy();
    expect(await once(child, 'close')).toEqual([130, null]);
  });
});

test('Ctrl-C ends a command that waits for a credential plugin, though the plugin goes on', async () => {
  const [fifo, plugin] = [join(folder.folder, 'fifo'), join(folder.folder, 'plugin')];
  await promisify(execFile)('mkfifo', [fifo]);
  // Ends with the folder, so that no process outlives the tests.
  const script = `#!/bin/sh\necho begun > ${fifo}\nwhile [ -d ${folder.folder} ]; do sleep 0.1; done\n`;
  await writeFile(plugin, script, { mode: 0o700 });
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  const KUBECONFIG = await kubeconfig('hanging', 'https://127.0.0.1:1', { exec });
  const env = { ...process.env, ...outside, KUBECONFIG };
  const child = spawn(process.execPath, [main, 'status', '--config', folder.file], { env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  await readFile(fifo);
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
});

describe('a cluster', () => {
  test.each(['removals', 'approve-removals'])('that lets nobody in is given up at once by %s', async (command) => {
    const scans = new Set<string>();
    const closed = createServer(({ url = '' }, response) => {
      if (url.includes('/mirrorscans/')) scans.add(url);
      response.writeHead(401).end();
    });
    try {
      const { code, stdout, stderr } = await run([command], await kubeconfig(command, await addressOf(closed)));
      expect(code).toBe(1);
      expect(stdout).toContain('in what could be looked at.');
      expect(stderr).toContain('HTTP 401. The credentials are not accepted');
      // Of 18 scopes 8 are asked at once; what is silent would be waited for three times if the others were asked as well.
      expect(scans.size).toBe(8);
    } finally {
      closed.close();
    }
  });

  test('cannot steer the terminal by what it answers', async () => {
    const hostile = createServer((_, response) => {
      response.writeHead(403).end('<title>\u001b[2J\u001b]0;owned\u0007Forbidden\u009b31m</title>');
    });
    try {
      const { stdout, stderr } = await run(['status'], await kubeconfig('hostile', await addressOf(hostile)));
      expect(stdout).toContain('Forbidden');
      for (const character of '\u001b\u0007\u009b') expect(stdout + stderr).not.toContain(character);
    } finally {
      hostile.close();
    }
  });
});
