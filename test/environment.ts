/** Vitest's global setup: no test sees the cloud or the cluster of whoever runs it. */
export function setup(): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_') || name === 'KUBECONFIG') delete process.env[name];
  }
}
