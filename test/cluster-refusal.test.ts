import { describe, expect, test } from 'vitest';
import { schemaRefusal } from '../lib/cluster-refusal.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

describe('a cluster whose CRD', () => {
  const type = { ...rdsInstance, revision: 3 };
  test.each([
    [
      'is missing is refused with the command that installs it',
      undefined,
      /^SchemaMissing: .*Install it: skymirror crds --install/,
    ],
    ['has no revision is refused', 0, /^SchemaTooOld: .*revision 0, this release writes 3/],
    [
      'is older is refused with the command that mends it',
      2,
      /^SchemaTooOld: .*rdsinstances\.aws.*Update it: skymirror crds --install/,
    ],
    ['has a revision that is no number is refused', Number.NaN, /^SchemaTooOld/],
    ['is equal is served', 3, undefined],
    ['is newer is served', 4, undefined],
  ])('%s', (_, revision, refusal) => {
    const said = schemaRefusal(type, revision);
    if (refusal === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(refusal);
  });
});
