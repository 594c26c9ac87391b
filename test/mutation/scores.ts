import * as z from 'zod';

const mutant = z.object({
  status: z.enum(['Killed', 'Timeout', 'Survived', 'NoCoverage', 'RuntimeError', 'CompileError', 'Ignored', 'Pending']),
});
const report = z.object({ files: z.record(z.string(), z.object({ mutants: z.array(mutant) })) });

/** What the tests made of the mutants of one module. */
export interface Score {
  readonly module: string;
  /** Those that ran: Stryker leaves out what does not compile. */
  readonly mutants: number;
  /** Noticed by a failing test, or because the tests did not come to an end. */
  readonly killed: number;
  readonly percent: number;
}

/** The scores of these modules in a report of Stryker; one that the report lacks, or of which nothing ran, has none. */
export function scoresOf(text: unknown, modules: readonly string[]): readonly Score[] {
  const { files } = report.parse(text);
  return modules.map((module) => {
    const found = files[module]?.mutants ?? [];
    const count = (...statuses: readonly string[]) => found.filter(({ status }) => statuses.includes(status)).length;
    const killed = count('Killed', 'Timeout');
    const mutants = killed + count('Survived', 'NoCoverage');
    return { module, mutants, killed, percent: mutants === 0 ? 0 : (100 * killed) / mutants };
  });
}
