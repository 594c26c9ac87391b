import * as fc from 'fast-check';
import { differences } from '../../../cli/diff.ts';
import { failureLines } from '../../../cli/failure-lines.ts';
import { harmless } from '../../../cli/surroundings.ts';
import { type Format, shown, table } from '../../../cli/table.ts';
import { defineBorder } from '../border.ts';
import { hostileText } from '../hostile.ts';

interface Input {
  readonly cells: readonly (readonly string[])[];
  readonly format: Format;
}

/** The codes of the styles that the command line itself uses; anything else, as hidden text, is a stranger's. */
const own = /\p{Cc}\[(?:0|1|2|22|31|32|33|36|39)m/gu;

/** What the command line prints of names, tags and messages of strangers: nothing that steers a terminal. */
export const printed = defineBorder<Input>({
  name: 'printed text',
  arbitrary: fc.record({
    cells: fc.array(fc.array(hostileText, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
    format: fc.constantFrom<Format>('table', 'json', 'yaml'),
  }),
  longest: 1_000_000,
  run({ cells, format }) {
    const text = shown(format, cells, () => table(['NAME', 'TAG', 'MESSAGE'], cells));
    const failures = cells.map(([name = '', , message = '']) => ({ name, message }));
    const part = { cluster: 'main', namespace: 'n', failures, blocked: 0 };
    const lines = failureLines({ clusters: [part], incomplete: { reason: 'BadAnswer', message: cells[0]?.[0] ?? '' } });
    const [name = '', tag = '', message = ''] = cells[0] ?? [];
    const object = {
      apiVersion: 'a/b',
      kind: 'K',
      metadata: { name: 'n', labels: { [name]: tag } },
      spec: { [tag]: message },
      status: { observed: { tags: { [name]: message } }, conditions: [] },
    };
    const changes = differences({
      type: { group: 'a', version: 'b', kind: 'K', plural: 'ks' },
      before: undefined,
      after: object,
    }).map(({ path, after }) => `${path}: ${after}`);
    const printed = [text, ...lines, ...changes].map(harmless);
    return { said: printed.map((one) => one.replaceAll(own, '').replaceAll('\t', '')) };
  },
});
