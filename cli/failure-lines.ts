import type { Report } from '../lib/report.ts';

const mostOfAKind = 3;
const most = 20;

/** What went wrong in a pass, a line each: of what is alike only the first, so that the rest is seen beside it. */
export function failureLines({ incomplete, clusters }: Pick<Report, 'incomplete' | 'clusters'>): string[] {
  const failures = clusters.flatMap(({ cluster, failures }) => failures.map(({ message }) => ({ cluster, message })));
  const alike = Map.groupBy(failures, ({ cluster, message }) => `${cluster}: ${message.split(':', 1)[0]}`);
  const lines = [...alike.values()].flatMap((group) => {
    const rest = group.length - mostOfAKind;
    return [
      ...group.slice(0, mostOfAKind).map(({ cluster, message }) => `${cluster}: ${message}`),
      ...(rest > 0 ? [`and ${rest} more like it`] : []),
    ];
  });
  const all = [...(incomplete === undefined ? [] : [incomplete.message]), ...lines];
  return all.length <= most ? all : [...all.slice(0, most - 1), 'and others: --log-format json shows all'];
}
