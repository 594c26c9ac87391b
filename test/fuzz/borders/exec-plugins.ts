import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { loadConnection } from '../../../lib/kubeconfig.ts';
import { defineBorder } from '../border.ts';
import { canary } from '../canaries.ts';
import { damagedJson } from '../damage.ts';
import { hostileText } from '../hostile.ts';
import { ownFolder } from '../own-folder.ts';

const folder = ownFolder();
const [output, trouble, kubeconfig] = ['output', 'trouble', 'kubeconfig'].map((name) => join(folder, name));

const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
const answers = [
  { ...credential, status: { token: canary } },
  { ...credential, status: { token: canary, expirationTimestamp: '2020-01-01T00:00:00Z' } },
  { ...credential, status: { clientCertificateData: 'x', clientKeyData: canary } },
];

/** What a credential plugin answers, and what it says when it fails; each input takes a process. */
export const execPlugins = defineBorder<{ readonly answer: string; readonly said: string; readonly code: number }>({
  name: 'credential plugins',
  share: 0.02,
  arbitrary: fc.record({
    answer: damagedJson(answers),
    said: fc.oneof(fc.constant(''), hostileText),
    code: fc.constantFrom(0, 0, 1, 255),
  }),
  async run({ answer, said, code }) {
    writeFileSync(output ?? '', answer);
    writeFileSync(trouble ?? '', said);
    const args = ['-c', `cat ${output}; cat ${trouble} >&2; exit ${code}`];
    const exec = { apiVersion: credential.apiVersion, command: '/bin/sh', args, interactiveMode: 'Never' };
    const file = {
      'current-context': 'main',
      clusters: [{ name: 'c', cluster: { server: 'https://cluster.example' } }],
      users: [{ name: 'u', user: { exec } }],
      contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
    };
    writeFileSync(kubeconfig ?? '', stringify(file));
    try {
      const connection = await loadConnection({ kubeconfig: kubeconfig ?? '' });
      await connection.headers();
      return {};
    } catch (error) {
      if (error instanceof Error && error.name === 'Error') return { errors: [error] };
      throw error;
    }
  },
});
