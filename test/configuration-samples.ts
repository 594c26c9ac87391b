/** Kinds that the samples may name. */
export const kinds = ['RDSInstance', 'RDSCluster', 'SQSQueue'].map((kind) => ({ kind }));

/** An account, in two lines. */
export const account = 'accounts:\n  main: { id: "111122223333" }\n';

/** An entry of `mirrors`, in five lines and further ones. */
export function mirror(further = '', name = 'one', namespace = 'external'): string {
  const own = [`name: ${name}`, 'sources: [RDSInstance]', 'accounts: [main]', 'regions: [us-east-1]'];
  const lines = [...own, `namespace: ${namespace}`, ...(further === '' ? [] : [further])];
  return lines.map((line, index) => `${index === 0 ? '  - ' : '    '}${line}\n`).join('');
}
