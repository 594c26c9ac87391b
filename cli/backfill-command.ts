import type { Command } from 'commander';
import { filterHelp } from './help-texts.ts';
import { collected, pattern } from './option-values.ts';

/** Description and examples of `skymirror backfill`. */
export const backfillHelp = [
  'Look at what is chosen now, here or by the deployed function; can be followed, cancelled and carried on.',
  `  skymirror backfill --mirror production              here, until it is done
  skymirror backfill --tag team=payments --plan       what would change, of what has this tag
  skymirror backfill --run backfill-20261122t190603-1f0a2b
                                                     carry on a run that was interrupted
  skymirror backfill --function skymirror-prod-backfill --source SQSQueue --follow
  skymirror backfill --cancel backfill-20261122t190603-1f0a2b
${filterHelp}
Exit code 0: done, 2: with --plan, something would change, 1: something failed or was cancelled.`,
] as const;

/** Adds its options, those apart that other commands have too. */
export function backfillOptions(command: Command): Command {
  return command
    .option('-n, --name <pattern>', 'only resources with this name (* and ? stand for others); never deletes', pattern)
    .option('--tag <pairs>', 'only resources with these tags, key=value (* and ? stand for others)', collected)
    .option('--plan', 'count what would change, and change nothing')
    .option('--run <name>', 'carry on this run or, where there is none, begin it under this name')
    .option('--function <name>', 'name or ARN of the deployed function that is to do it')
    .option('--follow', 'with --function: wait until the run has ended, and show it')
    .option('--cancel <run>', 'end this run');
}
