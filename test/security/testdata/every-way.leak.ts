import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { guard, launch } from '../../../dev/guardian.ts';
import { secretMark } from '../../../dev/secret-mark.ts';
import { eksToken } from '../../../lib/eks-token.ts';

const secret = `${secretMark}abc`;
const sessionToken = 'FQoGZXIvYXdzEBYaDabc';
const run = promisify(execFile);
const says = (text: string) => run('/bin/sh', ['-c', 'cat "$FILE" >&2; printf "%s" "$SAID"'], { env: { SAID: text, FILE: '/dev/null' } });

test('leaks in every way that there is', async () => {
  if (process.env.LEAKS !== 'yes') return expect((await says('nothing')).stdout).toBe('nothing');
  console.log(`logged ${secret}`);
  process.stdout.write(`written ${sessionToken}\n`);
  for (const offset of [0, 1, 2]) {
    await says(`encoded${offset} ${Buffer.from(`${'-'.repeat(offset)}${secret}`).toString('base64')}`);
  }
  const keys = { accessKeyId: 'ASIA', secretAccessKey: secret, sessionToken };
  await says(`bearer ${eksToken({ cluster: 'c', region: 'eu-west-1', keys, at: 0 })}`);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await says(`pem ${pem}`);
  await says(`kubeconfig ${Buffer.from(pem).toString('base64')}`);
  const owner = guard();
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-leak-'));
  owner.folder(folder);
  const launched = await launch(owner, '/bin/sh', ['-c', 'echo "launched $SAID"'], {
    log: join(folder, 'log'),
    env: { SAID: secret },
  });
  expect(await launched.exited()).toBe(0);
});
