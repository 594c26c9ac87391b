import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadConnection } from '../lib/kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'skymirror-kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function write(text: string): string {
  files += 1;
  const file = join(folder, `file-${files}`);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

function config(user: object): string {
  const clusters = [{ name: 'c', cluster: { server: 'https://cluster.example' } }];
  const contexts = [{ name: 'main', context: { cluster: 'c', user: 'u' } }];
  return write(stringify({ 'current-context': 'main', clusters, users: [{ name: 'u', user }], contexts }));
}

describe('an exec plugin', () => {
  // Ends with the folder, so that no process outlives the tests.
  const hang = `while [ -d ${folder} ]; do sleep 0.1; done`;
  const plugin = (script: string) => {
    const command = write(`#!/bin/sh\n${script}\n`);
    chmodSync(command, 0o700);
    return { exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' } };
  };

  test('gives a token', async () => {
    const credential = { kind: 'ExecCredential', status: { token: 'from-plugin' } };
    const { headers } = await loadConnection({
      kubeconfig: config(plugin(`echo '${JSON.stringify(credential)}'`)),
    });
    expect(await headers()).toEqual({ Authorization: 'Bearer from-plugin' });
  });

  test.each([
    ['that fails', plugin('echo "log in first" >&2; exit 1'), 'log in first'],
    [
      'that is not there',
      { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nowhere/plugin' } },
      'ENOENT',
    ],
    ['that says nothing', plugin('true'), 'JSON'],
  ])('%s is told with its context and its own words', async (_, user, words) => {
    const said = `kubeconfig: the credentials of context "main" do not work: `;
    const loading = loadConnection({ kubeconfig: config(user) });
    await expect(loading).rejects.toThrow(said);
    await expect(loading).rejects.toThrow(words);
  });

  const failureOf = async (loading: Promise<unknown>) => {
    const error: unknown = await loading.catch((thrown: unknown) => thrown);
    return error instanceof Error ? error : expect.fail('it was accepted');
  };

  test('that prints no JSON is told without what it prints', async () => {
    const error = await failureOf(loadConnection({ kubeconfig: config(plugin('echo SECRET')) }));
    expect(error.message).toMatch(/ do not work: the credential plugin did not answer with JSON$/);
    expect(inspect(error)).not.toContain('SECRET');
  });

  test('that answers without credentials is told so', async () => {
    const error = await failureOf(loadConnection({ kubeconfig: config(plugin("echo '{}'")) }));
    expect(error.message).toMatch(/ do not work: the credential plugin answered without credentials$/);
  });

  test('that does not answer is not waited for after an interruption', async () => {
    const signal = AbortSignal.abort(new Error('interrupted'));
    await failureOf(loadConnection({ kubeconfig: config(plugin(hang)) }, 60_000, signal));
  });

  test('that does not answer is not waited for', async () => {
    const kubeconfig = config(plugin(hang));
    const error = await failureOf(loadConnection({ kubeconfig }, 300));
    expect(error.message).toBe(
      'kubeconfig: the credential plugin of context "main" did not answer within 0.3 s. ' +
        'Run it by hand: does it wait for a login?',
    );
  });

  test('that does not answer later is not waited for either', async () => {
    const flag = join(folder, 'answered');
    const credential = { status: { token: 'short', expirationTimestamp: '2020-01-01T00:00:00Z' } };
    const script = `if [ -e ${flag} ]; then ${hang}; fi; touch ${flag}`;
    const kubeconfig = config(plugin(`${script}; echo '${JSON.stringify(credential)}'`));
    const { headers } = await loadConnection({ kubeconfig }, 2000);
    await expect(headers()).rejects.toThrow('did not answer within 2 s');
  });
});

describe('what a parser quotes of a kubeconfig is not shown', () => {
  test.each([
    ['token: SECRET: oops', 'bad indentation of a mapping entry (4:18)'],
    ['token: *SECRET', 'unidentified alias (4:13)'],
    ['password: !SECRET word', 'unknown scalar tag (4:15)'],
    ['password: !SECR^ET word', 'tag name cannot contain such characters (4:23)'],
    ['token: !!str &SECRET : *SECRET', 'Nested mappings are not allowed in compact mappings at line 4, column 26'],
    ['password: "SECRET\\q"', 'unknown escape sequence (4:23)'],
  ])('%s', async (line, said) => {
    const kubeconfig = write(`users:\n- name: u\n  user:\n    ${line}\n`);
    const error = await loadConnection({ kubeconfig }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: `kubeconfig ${kubeconfig} cannot be read: ${said}` });
    expect(inspect(error)).not.toContain('SECR');
  });
});
