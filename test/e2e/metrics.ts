import type { Kubernetes } from '../../dev/kubernetes.ts';

const writes = ['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE'];

/** How many writes of a kind the API server has counted by itself since its start, those that failed included. */
export async function objectWrites(kubernetes: Kubernetes, plural = 'rdsinstances'): Promise<number> {
  const lines = (await kubernetes.metrics()).split('\n').filter((line) => line.startsWith('apiserver_request_total{'));
  const counted = lines.filter((line) => label(line, 'resource') === plural && writes.includes(label(line, 'verb')));
  return counted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function label(line: string, name: string): string {
  return new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1] ?? '';
}
