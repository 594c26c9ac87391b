import fc from 'fast-check';
import type { WholeEngine } from './engine.ts';
import { play } from './play.ts';
import { type Schedule, schedules } from './schedule.ts';
import { type Tally, tally } from './tally.ts';

/** The laws, over any schedule: what the simulator tries. `counts` is told of every schedule that is played. */
export function laws(engine: WholeEngine, counts: Tally = tally()): fc.IAsyncProperty<[Schedule]> {
  return fc.asyncProperty(schedules(), (schedule) => play(engine, schedule, { tally: counts }));
}
