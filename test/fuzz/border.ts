import * as fc from 'fast-check';
import { attempt, type Finding, type Outcome } from './attempt.ts';

/** One border of the product: what may come in there, and what is done with it. */
export interface Declaration<Input> {
  readonly name: string;
  /** Valid inputs of the corpus, damaged, and what never was valid. */
  readonly arbitrary: fc.Arbitrary<Input>;
  /**
   * Lets the product take an input and gives back all that comes of it. Catches the errors that the product documents for
   * this border and no others.
   */
  run(input: Input): Promise<Outcome> | Outcome;
  /** What must be true of what comes of an input, beyond what must be true at every border. */
  holds?(input: Input, outcome: Outcome): Finding | undefined;
  /** The most characters that one text for people may have; left out: 4,000. */
  readonly longest?: number;
  /** Which part of the inputs of other borders it gets, where each input takes long; left out: 1. */
  readonly share?: number;
}

/** How a border is fuzzed. */
export interface Fuzzing {
  readonly seed: number;
  readonly runs: number;
  /** As fast-check gave it with a failure: goes straight there. */
  readonly path?: string;
  /** Told before each input how many were begun; while a failure is made smaller, the same again and again. */
  readonly begins?: (begun: number) => void;
}

/** What became of one input. */
export interface Failure extends Finding {
  /** The smallest input that shows it, as text. */
  readonly input: string;
  readonly path: string;
}

/** How many inputs were tried, and the first that went wrong: after that one fast-check ends. */
export interface Fuzzed {
  readonly tried: number;
  readonly failure?: Failure;
}

/** A border without the type of its inputs. */
export interface Border {
  readonly name: string;
  readonly share: number;
  fuzz(fuzzing: Fuzzing): Promise<Fuzzed>;
}

const mostShown = 3_000;

function inputText(input: unknown): string {
  try {
    return fc.stringify(input).slice(0, mostShown);
  } catch {
    return 'it is nested too deep to be shown: replay it';
  }
}

/** Makes a border of its declaration. */
export function defineBorder<Input>(declaration: Declaration<Input>): Border {
  const { name, arbitrary, share = 1 } = declaration;
  return {
    name,
    share,
    async fuzz({ seed, runs, path, begins = () => {} }) {
      let tried = 0;
      let found: Finding | undefined;
      const property = fc.asyncProperty(arbitrary, async (input) => {
        if (found === undefined) tried += 1;
        begins(tried);
        const finding = await attempt(declaration, input);
        if (finding === undefined) return;
        found = finding;
        throw new Error(`${finding.kind}: ${finding.what}`);
      });
      const parameters = { seed, numRuns: runs, endOnFailure: false, ...(path === undefined ? {} : { path }) };
      const { counterexample, counterexamplePath } = await fc.check(property, parameters);
      if (found === undefined) return { tried };
      // Shrinking went on from the first failure, so that what was found last is the smallest.
      return { tried, failure: { ...found, input: inputText(counterexample), path: counterexamplePath ?? '' } };
    },
  };
}
