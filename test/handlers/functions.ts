import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'aws-lambda';
import { afterAll, afterEach, beforeEach, vi } from 'vitest';

/** One line that a function wrote: of its log, or metrics in CloudWatch's embedded format. */
export type Line = Readonly<Record<string, unknown>>;

/** What surrounds functions in the tests of one file. */
export interface Surroundings {
  /** What was written since the test began. */
  readonly lines: Line[];
  /** The lines of the log, as `level message`. */
  said(): string[];
  /** The sum of each metric. */
  metrics(): Record<string, number>;
  /** Makes this the configuration of functions that are imported from now on. */
  configure(configuration: object): void;
}

/** Gives functions what serverless.yml and Lambda give them, a fresh copy of each to each test, and keeps what they write. */
export function surroundings(): Surroundings {
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-functions-'));
  const lines: Line[] = [];
  let files = 0;
  beforeEach(() => {
    lines.length = 0;
    vi.resetModules();
    vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'skymirror');
    vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'Skymirror');
    vi.stubEnv('SKYMIRROR_STAGE', 'test');
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'skymirror-test-function');
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write.bind(stream) as (text: string | Uint8Array) => boolean;
      vi.spyOn(stream, 'write').mockImplementation((text) => {
        if (typeof text !== 'string' || !text.startsWith('{')) return write(text);
        lines.push(JSON.parse(text));
        return true;
      });
    }
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    lines,
    said: () => lines.flatMap(({ level, message }) => (message === undefined ? [] : `${level} ${message}`)),
    metrics: () => Object.fromEntries(lines.flatMap(metricsIn)),
    configure(configuration) {
      files += 1;
      const file = join(folder, `configuration-${files}.json`);
      writeFileSync(file, JSON.stringify(configuration));
      vi.stubEnv('SKYMIRROR_CONFIGURATION', file);
    },
  };
}

function metricsIn(line: Line): [string, number][] {
  if (line._aws === undefined) return [];
  const values = Object.entries(line).filter(([key]) => /^[A-Z]/.test(key));
  return values.map(([key, value]) => [key, [value].flat().reduce((sum: number, one) => sum + Number(one), 0)]);
}

/** What Lambda tells a function of the invocation; `remaining`: milliseconds at its beginning. */
export function contextOf(remaining = 300_000): Context {
  const end = performance.now() + remaining;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'skymirror-test-function',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:111122223333:function:skymirror-test-function',
    memoryLimitInMB: '512',
    awsRequestId: 'request-1',
    logGroupName: 'group',
    logStreamName: 'stream',
    getRemainingTimeInMillis: () => Math.max(0, end - performance.now()),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

/** A configuration as a bundle holds it, with one mirror and what is changed in it. */
export function configurationWith(mirror: object = {}, further: object = {}) {
  const shown = { sources: ['RDSInstance'], accounts: ['main'], regions: ['us-east-1'], namespace: 'external' };
  return {
    clusters: { main: { secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:cluster-AbCdEf' } },
    accounts: { main: { id: '111122223333' } },
    mirrors: [{ name: 'one', ...shown, ...mirror }],
    ...further,
  };
}
