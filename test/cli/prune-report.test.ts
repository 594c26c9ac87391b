import { expect, test } from 'vitest';
import type { LeftBehind } from '../../cli/left-behind.ts';
import { stayText } from '../../cli/prune-report.ts';

test('what stays is one line for each mirror and reason, however many places there are', () => {
  const stays = (why: 'alive' | 'unclaimed', message: string) => ({ why, message });
  const groupOf = (mirror: string, region: string, reason: LeftBehind['stays']): LeftBehind => ({
    ...{ cluster: 'main', namespace: 'external', kind: 'RDSInstance', mirror, scope: { region } },
    ...{ objects: 1, missing: 'mirror' },
    ...(reason === undefined ? {} : { stays: reason }),
  });
  const groups = [
    groupOf('one', 'us-east-1', stays('alive', 'it reported 3 s ago')),
    groupOf('one', 'us-west-2', stays('alive', 'it reported 4 s ago')),
    groupOf('one', 'eu-west-1', stays('unclaimed', 'nobody names it')),
    groupOf('two', 'us-east-1', stays('alive', 'it reported 5 s ago')),
    groupOf('two', 'us-west-2', undefined),
  ];
  expect(stayText(groups)).toEqual([
    '--remove leaves alone 2 lines of one (alive): it reported 3 s ago.',
    '--remove leaves alone one RDSInstance eu-west-1 in namespace external of main: nobody names it.',
    '--remove leaves alone two RDSInstance us-east-1 in namespace external of main: it reported 5 s ago.',
  ]);
});
