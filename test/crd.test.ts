import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { crdOf, mirrorScanCrd } from '../lib/crd.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sources } from '../lib/sources.ts';
import { generatedFiles } from '../scripts/generated-files.ts';

type Crd = ReturnType<typeof crdOf>;
const versionOf = (crd: Crd) => crd.spec.versions[0] ?? expect.fail('a CRD without a version');
const columnsOf = (crd: Crd) => versionOf(crd).additionalPrinterColumns;
const schemaOf = (crd: Crd) => versionOf(crd).schema.openAPIV3Schema.properties;
const instances = crdOf(rdsInstance);

describe('deploy/ holds what the declarations say; if not, run `npm run generate`', () => {
  const root = new URL('..', import.meta.url).pathname;
  const files = generatedFiles();

  test.each([...files.keys()])('%s is current', (path) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(files.get(path));
  });

  test('nothing else is in it', () => {
    const found = readdirSync(join(root, 'deploy'), { recursive: true, withFileTypes: true });
    const paths = found
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(root.length));
    const own = [...files.keys()].filter((path) => path.startsWith('deploy/'));
    expect(paths.toSorted()).toEqual(own.toSorted());
  });
});

describe('the CRD of a source', () => {
  test('is named, grouped and versioned after its declaration', () => {
    expect(instances).toMatchObject({
      metadata: {
        name: 'rdsinstances.aws.skymirror.dev',
        annotations: { 'skymirror.dev/schema-revision': String(rdsInstance.revision) },
      },
      spec: {
        group: 'aws.skymirror.dev',
        scope: 'Namespaced',
        names: {
          kind: 'RDSInstance',
          listKind: 'RDSInstanceList',
          plural: 'rdsinstances',
          singular: 'rdsinstance',
          shortNames: ['rdsi'],
          categories: ['external', 'databases'],
        },
      },
    });
    expect(instances.spec.versions).toHaveLength(1);
    expect(versionOf(instances)).toMatchObject({
      name: 'v1alpha1',
      served: true,
      storage: true,
      subresources: { status: {} },
    });
  });

  test('shows its columns in the order of the schema, Ready behind State, identity and age last', () => {
    expect(columnsOf(instances).map(({ name }) => name)).toEqual([
      'Engine',
      'Version',
      'Class',
      'State',
      'Ready',
      'Endpoint',
      'Port',
      'Multi-AZ',
      'Zone',
      'GiB',
      'Cluster',
      'Account',
      'Region',
      'Age',
    ]);
  });

  test('shows few columns without -o wide', () => {
    const narrow = columnsOf(instances).filter((column) => !('priority' in column));
    expect(narrow.map(({ name }) => name)).toEqual(['Engine', 'Version', 'Class', 'State', 'Ready', 'Endpoint', 'Age']);
  });

  test('has columns of types that a CRD takes, with paths that its schema has', () => {
    const types = ['integer', 'number', 'string', 'boolean', 'date'];
    expect(columnsOf(instances).every(({ type }) => types.includes(type))).toBe(true);
    const ready = columnsOf(instances).find(({ name }) => name === 'Ready');
    expect(ready?.jsonPath).toBe('.status.conditions[?(@.type=="Ready")].status');
    expect(columnsOf(instances).find(({ name }) => name === 'Port')?.jsonPath).toBe('.status.observed.endpoint.port');
  });

  test('offers each part of its scope and its identity as field selectors, eight in all', () => {
    const paths = versionOf(instances).selectableFields?.map(({ jsonPath }) => jsonPath) ?? [];
    expect(paths).toEqual(
      expect.arrayContaining(['.spec.arn', '.spec.account', '.spec.region', '.status.observed.state']),
    );
    expect(paths.length).toBeLessThanOrEqual(8);
  });

  test('with nine selectable fields is refused', () => {
    const fields = Array.from(
      { length: 6 },
      (_, index) => [`f${index}`, z.string().meta({ selectable: true })] as const,
    );
    const crowded = { ...rdsInstance, observed: z.object(Object.fromEntries(fields)) };
    expect(() => crdOf(crowded)).toThrow('RDSInstance: 9 selectable fields, the API server takes 8');
  });

  test('without selectable fields says nothing of them', () => {
    const plain = crdOf({
      ...rdsInstance,
      identity: z.object({ a: z.string() }),
      observed: z.object({ b: z.string() }),
    });
    expect(versionOf(plain)).not.toHaveProperty('selectableFields');
    expect(columnsOf(plain).map(({ name }) => name)).toEqual(['Ready', 'Age']);
  });

  test('lets each part of the identity be set once and never changed', () => {
    expect(schemaOf(instances).spec['x-kubernetes-validations']).toEqual(
      ['arn', 'account', 'region', 'identifier'].map((key) => ({
        rule: `!has(oldSelf.${key}) || (has(self.${key}) && self.${key} == oldSelf.${key})`,
        message: `spec.${key} never changes: it is part of the identity`,
      })),
    );
  });

  test('holds the observed fields as one map and the conditions by type', () => {
    const { observed, conditions } = schemaOf(instances).status.properties ?? {};
    expect(observed).toMatchObject({
      type: 'object',
      'x-kubernetes-map-type': 'atomic',
      required: ['engine', 'state'],
    });
    expect(conditions).toMatchObject({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });
  });
});

test('a column without a description has none', () => {
  const plain = crdOf({ ...rdsInstance, observed: z.object({ b: z.string().meta({ column: 'B' }) }) });
  expect(columnsOf(plain)[0]).toEqual({ name: 'B', type: 'string', jsonPath: '.status.observed.b' });
});

describe('the CRD of the scans', () => {
  const scans = mirrorScanCrd();

  test('shows its three conditions behind the counts', () => {
    const names = columnsOf(scans).map(({ name }) => name);
    expect(names.slice(0, 8)).toEqual([
      'Mirror',
      'Source',
      'Scope',
      'Seen',
      'Held',
      'Complete',
      'Applied',
      'RemovalBlocked',
    ]);
    expect(names.slice(-3)).toEqual(['Last Report', 'Last Complete', 'Age']);
  });

  test('shows times as ages', () => {
    expect(columnsOf(scans).find(({ name }) => name === 'Last Report')?.type).toBe('date');
  });

  test('requires nothing of a status that a first pass has not written', () => {
    expect(schemaOf(scans).status.required).toBeUndefined();
  });
});

test.each([...sources.map(crdOf), mirrorScanCrd()].map((crd) => [crd.metadata.name, crd] as const))(
  '%s describes every field',
  (_, crd) => {
    const missing: string[] = [];
    const walk = (node: object, path: string) => {
      const {
        description,
        properties = {},
        items,
      } = node as { description?: string; properties?: object; items?: object };
      if (description === undefined && !/^\.(apiVersion|kind|metadata)$|\[\]/.test(path)) missing.push(path);
      for (const [key, child] of Object.entries(properties)) walk(child, `${path}.${key}`);
      if (items !== undefined) walk(items, `${path}[]`);
    };
    walk(versionOf(crd).schema.openAPIV3Schema, '');
    expect(missing).toEqual([]);
  },
);
