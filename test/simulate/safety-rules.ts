import type { Sabotage } from '../laws/sabotage.ts';

/** A safety rule as it is switched off, the law that breaks without it, and a seed that shows it soon. */
export interface SafetyRule {
  readonly edits: readonly Sabotage[];
  readonly law: number;
  readonly seed: number;
}

/** Every rule that stands between a fault and a wrong write, by what happens without it. */
export const rules: Readonly<Record<string, SafetyRule>> = {
  'writes go out under the version that is current, not the one that was decided about': {
    edits: [
      {
        file: 'apply.ts',
        find: 'return cluster.replaceStatus(type, withStatus(main, action.object), options);',
        replace:
          'return cluster.replaceStatus(type, withStatus((await cluster.get(type, target.mirror.namespace, action.object.metadata.name, options)) ?? main, action.object), options);',
      },
    ],
    law: 5,
    seed: 9,
  },
  'an observation is sent however old it is': {
    edits: [
      {
        file: 'apply.ts',
        find: 'if (writer.clock() - observedAt > writer.maxObservationAge) throw new TooOld();',
        replace: 'if (false) throw new TooOld();',
      },
    ],
    law: 5,
    seed: 2,
  },
  'nobody asks before a mark': {
    edits: [
      {
        file: 'absences.ts',
        find: 'await first.writer.outside.get(batch, first.writer.signal)',
        replace: 'new Map(batch.map((id) => [id, undefined]))',
      },
    ],
    law: 1,
    seed: 2,
  },
  'nobody asks again before a delete': {
    edits: [
      {
        file: 'absences.ts',
        find: 'await first.writer.outside.get(batch, first.writer.signal)',
        replace:
          'await first.writer.outside.get(batch.filter((id) => !isDueNow(id)), first.writer.signal).then((told) => new Map([...told, ...batch.filter(isDueNow).map((id) => [id, undefined])]))',
      },
      {
        file: 'absences.ts',
        find: 'const unanswered = new Map<string, Error>();',
        replace:
          'const unanswered = new Map<string, Error>(); const isDueNow = (id) => stages.some(({ asks, due }) => asks.some((one) => one.id === id && due.some(({ name }) => name === one.name)));',
      },
    ],
    law: 2,
    seed: 3,
  },
  'a listing that broke off counts as complete': {
    edits: [
      {
        file: 'sync.ts',
        find: 'incomplete ??= await settleAbsences(working(pass), ids, pass.limits);',
        replace: 'incomplete = (await settleAbsences(working(pass), ids, pass.limits)) ?? incomplete;',
      },
    ],
    law: 2,
    seed: 5,
  },
  'nobody asks whose account it is': {
    edits: [{ file: 'sync.ts', find: 'await pass.outside.prove(pass.signal);', replace: '' }],
    law: 1,
    seed: 5,
  },
  'any number may go': { edits: [{ file: 'removal.ts', find: '<= limit;', replace: '<= Infinity;' }], law: 3, seed: 8 },
  'any object of the name counts as ours': {
    edits: [{ file: 'resource.ts', find: "if (managed !== true) return 'foreign';", replace: '' }],
    law: 8,
    seed: 10,
  },
  'an overtaken write is repeated without another look': {
    edits: [
      {
        file: 'apply.ts',
        find: 'sight: resighted(writer, { ...entry, object }, answer)',
        replace: 'sight: entry.sight',
      },
    ],
    law: 5,
    seed: 2,
  },
  'what is seen again is not said to exist': {
    edits: [
      { file: 'plan.ts', find: 'return { Exists: found, Synced: judgement', replace: 'return { Synced: judgement' },
    ],
    law: 5,
    seed: 1,
  },
};
