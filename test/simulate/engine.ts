import * as backfill from '../../lib/backfill.ts';
import * as chosen from '../../lib/chosen.ts';
import * as dry from '../../lib/dry-run.ts';
import * as events from '../../lib/event-sync.ts';
import * as pass from '../../lib/sync-run-pass.ts';
import * as writer from '../../lib/sync-run-writer.ts';
import * as work from '../../lib/work.ts';
import { modules, type Sabotage, sabotagedModules } from '../laws/sabotage.ts';
import { engine as core, type Engine } from '../memory/engine.ts';

/** One copy of lib/ with all the ways into it that a deployment has. */
export interface WholeEngine extends Engine {
  readonly syncEvents: typeof events.syncEvents;
  readonly work: typeof work.work;
  readonly passOfRun: typeof pass.passOfRun;
  readonly syncChosen: typeof chosen.syncChosen;
  readonly dryRun: typeof dry.dryRun;
  readonly openRun: typeof backfill.openRun;
  readonly endTarget: typeof writer.endTarget;
}

const moreModules = ['backfill', 'chosen', 'dry-run', 'event-sync', 'sync-run-pass', 'sync-run-writer', 'work'];

/** The engine as it is in lib/. */
export const engine: WholeEngine = { ...core, ...backfill, ...chosen, ...dry, ...events, ...pass, ...writer, ...work };

/** The engine of a copy of lib/ in which these rules are switched off. */
export async function sabotagedEngine(...edits: readonly Sabotage[]): Promise<WholeEngine> {
  // The copy has the exports of the original: nothing but an expression was changed.
  return (await sabotagedModules([...modules, ...moreModules], edits)) as unknown as WholeEngine;
}
