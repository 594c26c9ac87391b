import { describe, expect, test } from 'vitest';
import type { Rule } from '../../dev/proxy-faults.ts';
import { auroraClusters, clusterPages } from '../../dev/proxy-mend.ts';
import { element } from '../../dev/proxy-request.ts';

const request = {
  service: 'rds',
  action: 'DescribeDBClusters',
  account: '111122223333',
  region: 'us-east-1',
  parameters: {},
  at: new Date(0),
  accessKey: 'key',
  caller: 'arn',
  protocol: 'query',
} as const;

function mended(rule: Rule, xml: string, parameters: Record<string, string> = {}): string {
  if (rule.do.kind !== 'rewrite') throw new Error('not a rewrite');
  const answer = rule.do.rewrite(xml, { ...request, parameters }, 200);
  return typeof answer === 'string' ? answer : answer.body;
}

describe('an Aurora cluster of moto', () => {
  const row = (engine: string, encrypted: boolean) =>
    `<DBCluster><StorageType>gp2</StorageType><Engine>${engine}</Engine><StorageEncrypted>${encrypted}</StorageEncrypted><KmsKeyId>default_kms_key_id</KmsKeyId><ScalingConfigurationInfo/></DBCluster>`;

  test('has the key of its account, and neither storage type nor limits', () => {
    const cluster = mended(auroraClusters, row('aurora-mysql', true));
    expect(element(cluster, 'KmsKeyId')).toMatch(/^arn:aws:kms:us-east-1:111122223333:key\//);
    expect(cluster).not.toMatch(/gp2|ScalingConfigurationInfo/);
  });

  test('has no key where it is not encrypted', () => {
    expect(mended(auroraClusters, row('aurora-mysql', false))).not.toContain('KmsKeyId');
  });

  test('is not one of another engine, which stays as it is', () => {
    expect(mended(auroraClusters, row('mysql', true))).toBe(row('mysql', true));
  });
});

describe('a listing of clusters', () => {
  const rows = Array.from({ length: 45 }, (_, index) => `<DBCluster>${index}</DBCluster>`);
  const xml = `<DescribeDBClustersResult><DBClusters>${rows.join('')}</DBClusters></DescribeDBClustersResult>`;
  const page = (parameters: Record<string, string>) => mended(clusterPages, xml, parameters);
  const rowsOf = (answer: string) => answer.match(/<DBCluster>\d+<.DBCluster>/g);

  test('comes in pages of MaxRecords, each with the Marker of the next', () => {
    const first = page({ MaxRecords: '20' });
    const second = page({ MaxRecords: '20', Marker: element(first, 'Marker') ?? '' });
    const third = page({ MaxRecords: '20', Marker: element(second, 'Marker') ?? '' });
    expect([first, second, third].map((answer) => rowsOf(answer)?.length)).toEqual([20, 20, 5]);
    expect([first, second, third].flatMap(rowsOf)).toEqual(rows);
    expect(element(third, 'Marker')).toBeUndefined();
  });

  test('that fits on one page is left as it is', () => {
    expect(page({})).toBe(xml);
    expect(page({ MaxRecords: '45' })).toBe(xml);
  });
});
