import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Kubernetes } from '../../dev/kubernetes.ts';

const run = promisify(execFile);

/** kubectl's path, if this machine has it. Tests ask the API for the same where it is missing. */
export const kubectlPath = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'kubectl'))
  .find(existsSync);

/** One line of a table, by column. */
export type Row = Readonly<Record<string, string>>;

/** What to show of a kind, as kubectl's options say it. */
export interface Shown {
  readonly namespace: string;
  readonly wide?: boolean;
  readonly labels?: string;
  readonly fields?: string;
  readonly user?: string;
}

/** `kubectl get`, or the table that the API server makes for it. `what`: a kind, short name or category. */
export async function show(kubernetes: Kubernetes, what: string, shown: Shown): Promise<Row[]> {
  const { namespace, wide = false, labels, fields, user = 'viewer' } = shown;
  if (kubectlPath === undefined) return tables(kubernetes, what, shown);
  const options = [
    ...(wide ? ['-o', 'wide'] : []),
    ...(labels === undefined ? [] : ['-l', labels]),
    ...(fields === undefined ? [] : ['--field-selector', fields]),
  ];
  return readTable(await kubectl(kubernetes, user, ['get', what, '-n', namespace, ...options]));
}

/** kubectl's standard output; an error of its own where it fails. */
export async function kubectl(kubernetes: Kubernetes, user: string, parameters: readonly string[]): Promise<string> {
  const file = kubectlPath ?? 'kubectl';
  const { stdout } = await run(file, ['--kubeconfig', kubernetes.kubeconfig(user), ...parameters], {
    env: { ...process.env, HOME: kubernetes.folder },
  });
  return stdout;
}

/** Lines that `kubectl get -w` prints, or those of the API's watch, until the caller stops reading. */
export async function* watch(kubernetes: Kubernetes, what: string, namespace: string): AsyncGenerator<string> {
  if (kubectlPath === undefined) {
    const path = `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/${what}?watch=1`;
    const headers = { authorization: `Bearer ${kubernetes.tokens.viewer}`, accept: tableType };
    const request = get(kubernetes.url + path, { ca: kubernetes.certificateAuthority, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    try {
      yield* createInterface(response);
    } finally {
      response.destroy();
    }
  } else {
    const kubeconfig = kubernetes.kubeconfig('viewer');
    const child = spawn(kubectlPath, ['--kubeconfig', kubeconfig, 'get', what, '-n', namespace, '-w']);
    try {
      yield* createInterface(child.stdout);
    } finally {
      child.kill();
    }
  }
}

const tableType = 'application/json;as=Table;g=meta.k8s.io;v=v1';

interface Table {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

interface Discovery {
  readonly resources: readonly { name: string; shortNames?: string[]; categories?: string[] }[];
}

async function tables(kubernetes: Kubernetes, what: string, shown: Shown): Promise<Row[]> {
  const rows: Row[] = [];
  for (const group of ['aws.skymirror.dev', 'skymirror.dev']) {
    const { body } = await kubernetes.request(`/apis/${group}/v1alpha1`);
    for (const { name, shortNames = [], categories = [] } of (body as Discovery).resources) {
      if (![name, ...shortNames, ...categories].includes(what) || name.includes('/')) continue;
      rows.push(...(await table(kubernetes, `/apis/${group}/v1alpha1/namespaces/${shown.namespace}/${name}`, shown)));
    }
  }
  return rows;
}

async function table(kubernetes: Kubernetes, path: string, shown: Shown): Promise<Row[]> {
  const { wide = false, labels = '', fields = '', user = 'viewer' } = shown;
  const query = new URLSearchParams({ labelSelector: labels, fieldSelector: fields });
  const { status, body } = await kubernetes.request(`${path}?${query}`, { user, headers: { accept: tableType } });
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
  const { columnDefinitions, rows } = body as Table;
  return rows.map(({ cells }) =>
    Object.fromEntries(
      columnDefinitions.flatMap(({ name, priority }, index) =>
        priority === 0 || wide ? [[name.toUpperCase(), String(cells[index] ?? '')]] : [],
      ),
    ),
  );
}

/** kubectl pads its columns with at least three spaces; headings may hold one. */
function readTable(text: string): Row[] {
  const [head = '', ...lines] = text.trimEnd().split('\n');
  const starts = [...head.matchAll(/(?:^|\s{2,})(\S+(?: \S+)*)/g)].map((match) => {
    const name = match[1] ?? '';
    return { name, start: match.index + match[0].length - name.length };
  });
  return lines.map((line) =>
    Object.fromEntries(
      starts.map(({ name, start }, index) => [name, line.slice(start, starts[index + 1]?.start).trim()]),
    ),
  );
}
