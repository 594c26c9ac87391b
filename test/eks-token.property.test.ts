import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { signatureOf } from '../dev/eks-signature.ts';
import { regions } from '../lib/configuration-regions.ts';
import { eksToken } from '../lib/eks-token.ts';

const decoded = (token: string) => {
  expect(token).toMatch(/^k8s-aws-v1\.[\w-]+$/);
  return new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());
};

const keys = fc.record(
  {
    accessKeyId: fc.stringMatching(/^A(KI|SI)A[A-Z2-7]{16}$/),
    secretAccessKey: fc.string({ minLength: 1, maxLength: 64, unit: 'grapheme-ascii' }),
    sessionToken: fc.base64String({ minLength: 4, maxLength: 1500 }),
  },
  { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
);
const claim = fc.record({
  cluster: fc.stringMatching(/^[0-9A-Za-z][\w-]{0,99}$/),
  region: fc.constantFrom(...regions),
  keys,
  at: fc.integer({ min: Date.parse('2001-01-01'), max: Date.parse('2099-12-31') }),
});

test('a token carries the signature that the AWS SDK would give it, whatever the names, regions and keys', async () => {
  await fc.assert(
    fc.asyncProperty(claim, async ({ cluster, region, keys, at }) => {
      const { host, searchParams } = decoded(eksToken({ cluster, region, keys, at }));
      const signature = await signatureOf({ host, cluster, region, keys, date: at, expires: 60 });
      expect(searchParams.get('X-Amz-Signature')).toBe(signature);
    }),
    { numRuns: 300 },
  );
});

test('a token has the parameters that EKS allows and no other', () => {
  fc.assert(
    fc.property(claim, ({ cluster, region, keys, at }) => {
      const { searchParams, pathname, protocol } = decoded(eksToken({ cluster, region, keys, at }));
      expect({ pathname, protocol }).toEqual({ pathname: '/', protocol: 'https:' });
      const signed = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'];
      const session = keys.sessionToken === undefined ? [] : ['Security-Token'];
      const names = ['Action', 'Version', ...[...signed, ...session].map((name) => `X-Amz-${name}`)];
      expect([...searchParams.keys()].toSorted()).toEqual(names.toSorted());
      expect(searchParams.get('X-Amz-Security-Token') ?? undefined).toBe(keys.sessionToken);
    }),
  );
});

test('a token asks the STS of the region, in the domain of its partition', () => {
  const path = '../node_modules/@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js';
  const source = readFileSync(new URL(path, import.meta.url), 'utf8');
  const partitions = [...source.matchAll(/"dnsSuffix": "([^"]+)".*?"regionRegex": "([^"]+)"/gs)].map(
    ([, suffix = '', pattern = '']) => ({ suffix, pattern: new RegExp(JSON.parse(`"${pattern}"`)) }),
  );
  expect(partitions.length).toBeGreaterThan(6);
  for (const region of regions.filter((one) => !one.includes('global'))) {
    const { suffix } = partitions.find(({ pattern }) => pattern.test(region)) ?? {};
    const token = eksToken({ cluster: 'c', region, keys: { accessKeyId: 'a', secretAccessKey: 'b' }, at: 0 });
    expect(decoded(token).host).toBe(`sts.${region}.${suffix}`);
  }
});
