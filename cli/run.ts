import { CommanderError } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { programFor } from './program.ts';
import { surroundings } from './surroundings.ts';

/** Carries out a command line and gives its exit code. Never throws: what goes wrong is one line on stderr. */
export async function run(args: readonly string[]): Promise<number> {
  const around = surroundings();
  let code: number = exitCodes.done;
  const program = programFor(around, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return around.signal.aborted ? exitCodes.interrupted : code;
  } catch (error) {
    // Commander has said it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.failed;
    if (around.signal.aborted) return exitCodes.interrupted;
    around.error(`skymirror: ${error instanceof Error ? error.message : String(error)}`);
    return exitCodes.failed;
  } finally {
    around.end();
  }
}
