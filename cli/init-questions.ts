import { createInterface } from 'node:readline';
import { suggestion } from '../lib/nearest.ts';
import { sources } from '../lib/sources.ts';
import { type Answers, problemWith } from './init-text.ts';
import type { Surroundings } from './surroundings.ts';

/** A question, what Enter alone answers, and where the answer goes. */
interface Question {
  readonly text: string;
  readonly proposal: (answers: Answers) => string;
  readonly put: (answers: Answers, answer: string) => Answers;
  /** True where it needs no answer. */
  readonly isSettled?: (answers: Answers) => boolean;
  /** What is wrong with an answer beyond what the configuration itself finds. */
  readonly refusal?: (answers: Answers) => string | undefined;
}

const words = (text: string) => text.split(/[\s,]+/).filter((word) => word !== '');
const orNothing = (text: string) => (text === '' || text === '-' ? undefined : text);

/** What init asks, in this order; a flag that was given is what Enter answers. */
const questions: readonly Question[] = [
  {
    text: 'Name of the mirror',
    proposal: ({ mirror }) => mirror,
    put: (answers, mirror) => ({ ...answers, mirror }),
  },
  {
    text: 'AWS account, its 12 digits',
    proposal: ({ account }) => account,
    // A role lies in its account: that of another one is asked for anew.
    put: (answers, account) => ({ ...answers, account, role: account === answers.account ? answers.role : undefined }),
  },
  {
    text: 'Role to assume in it, as an ARN (- for none: the credentials are of the account itself)',
    proposal: ({ role = '-' }) => role,
    put: (answers, role) => ({ ...answers, role: orNothing(role) }),
  },
  {
    text: `External id that the role asks for (- for none; \${SKYMIRROR_EXTERNAL_ID} for that variable)`,
    proposal: ({ externalId = '-' }) => externalId,
    put: (answers, externalId) => ({ ...answers, externalId: orNothing(externalId) }),
    isSettled: ({ role }) => role === undefined,
  },
  {
    text: 'Regions',
    proposal: ({ regions }) => regions.join(' '),
    put: (answers, text) => ({ ...answers, regions: words(text) }),
  },
  {
    text: `Kinds, of ${sources.map(({ kind }) => kind).join(', ')}`,
    proposal: ({ sources: kinds }) => kinds.join(' '),
    put: (answers, text) => ({ ...answers, sources: words(text) }),
  },
  {
    text: 'Namespace of the objects',
    proposal: ({ namespace }) => namespace,
    put: (answers, namespace) => ({ ...answers, namespace }),
  },
];

/**
 * Asks by `ask`, again where an answer would make no configuration; `proposed`, which has to make one, is what Enter alone
 * answers.
 */
export async function askAll(
  proposed: Answers,
  contexts: readonly string[],
  ask: (question: string) => Promise<string>,
  say: (text: string) => void,
): Promise<Answers> {
  let answers = proposed;
  for (const question of [...questions, ...contextQuestion(contexts)]) {
    if (question.isSettled?.(answers) === true) continue;
    for (;;) {
      const proposal = question.proposal(answers);
      const answer = (await ask(`${question.text}${proposal === '' ? '' : ` [${proposal}]`}: `)).trim();
      const next = question.put(answers, answer === '' ? proposal : answer);
      const problem = question.refusal?.(next) ?? problemWith(next)?.message;
      if (problem === undefined) {
        answers = next;
        break;
      }
      say(`  That cannot be: ${problem}`);
    }
  }
  return answers;
}

/** Nothing to choose, nothing to ask. */
function contextQuestion(contexts: readonly string[]): Question[] {
  if (contexts.length < 2) return [];
  return [
    {
      text: `Context of the kubeconfig, of ${contexts.join(', ')}`,
      proposal: ({ cluster }) => cluster.context ?? '',
      put: (answers, context) => ({ ...answers, cluster: { ...answers.cluster, context } }),
      refusal({ cluster: { context = '' } }) {
        return contexts.includes(context)
          ? undefined
          : `there is no context "${context}"${suggestion(context, contexts)}`;
      },
    },
  ];
}

/** A terminal that answers one question after the other. Throws at the end of the input, and on Ctrl-C. */
export function terminal({ signal }: Pick<Surroundings, 'signal'>) {
  // Not as a terminal of readline's own, which would take Ctrl-C for itself.
  const lines = createInterface({ input: process.stdin, terminal: false });
  const given = lines[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  aborted.catch(() => {});
  return {
    async ask(question: string): Promise<string> {
      signal.throwIfAborted();
      process.stderr.write(question);
      const answer = await Promise.race([given.next(), aborted]);
      if (answer.done === true) {
        // Ctrl-D ends the input in the middle of the question's line.
        process.stderr.write('\n');
        throw new Error('nothing was written: the answers ended before the questions did');
      }
      return answer.value;
    },
    close(): void {
      signal.removeEventListener('abort', abort);
      lines.close();
    },
  };
}
