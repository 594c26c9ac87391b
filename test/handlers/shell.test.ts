import { beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { lines, said, metrics, configure } = surroundings();

const input = z.object({ name: z.string() });

async function shell() {
  const { handlerOf } = await import('../../handlers/shell.ts');
  return handlerOf;
}

beforeEach(() => configure(configurationWith()));

test('a function gets its input checked, and answers what its work answers', async () => {
  const handler = (await shell())(input, async ({ name }, { requestId, tasks }) => ({
    greeting: `${name} ${requestId}`,
    tasks: tasks().length,
  }));
  await expect(handler({ name: 'a', more: 1 }, contextOf())).resolves.toEqual({ greeting: 'a request-1', tasks: 1 });
  expect(handler).toHaveLength(2);
});

test('input that a function does not take is an error in words, and not in the log', async () => {
  const work = vi.fn();
  const handler = (await shell())(input, work);
  await expect(handler({ name: { password: 'hunter2' } }, contextOf())).rejects.toThrow(/does not take.*name/s);
  expect(work).not.toHaveBeenCalled();
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test('an error is one line with its cause and the request, and reaches Lambda as it is', async () => {
  const failure = new Error('the pass went wrong', { cause: new Error('the disk is full') });
  const handler = (await shell())(input, async () => {
    throw failure;
  });
  await expect(handler({ name: 'a' }, contextOf())).rejects.toBe(failure);
  expect(said()).toEqual(['ERROR the invocation failed']);
  expect(lines[0]).toMatchObject({
    requestId: 'request-1',
    service: 'skymirror',
    error: { message: 'the pass went wrong', cause: { message: 'the disk is full' } },
  });
});

test('metrics are written out at the end, also where the work failed, and nothing where there are none', async () => {
  const handler = (await shell())(input, async ({ name }, around) => {
    if (name !== 'none') around.metrics.addMetric('Passes', 'Count', 1);
    if (name === 'bad') throw new Error('no');
    return {};
  });
  await handler({ name: 'good' }, contextOf());
  expect(metrics()).toEqual({ Passes: 1 });
  expect(lines[0]).toMatchObject({
    stage: 'test',
    service: 'skymirror',
    _aws: { CloudWatchMetrics: [{ Namespace: 'Skymirror', Dimensions: [['service', 'stage']] }] },
  });
  await expect(handler({ name: 'bad' }, contextOf())).rejects.toThrow('no');
  expect(lines.filter(({ _aws }) => _aws !== undefined)).toHaveLength(2);
  const before = lines.length;
  await handler({ name: 'none' }, contextOf());
  expect(lines).toHaveLength(before);
});

describe('the signal', () => {
  test.each([
    ['fires when 20 seconds are left', 20_050],
    ['fires after half of a short time', 100],
  ])('%s', async (_, remaining) => {
    const handler = (await shell())(input, async (__, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return signal.reason.message;
    });
    const began = performance.now();
    await expect(handler({ name: 'a' }, contextOf(remaining))).resolves.toMatch(/almost over/);
    expect(performance.now() - began).toBeGreaterThanOrEqual(45);
  });

  test('of an invocation that ended in time never fires', async () => {
    const signals: AbortSignal[] = [];
    const handler = (await shell())(input, async (_, { signal }) => signals.push(signal));
    await handler({ name: 'a' }, contextOf(60));
    const next = (await shell())(input, async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    await next({ name: 'a' }, contextOf(120));
    expect(signals[0]?.aborted).toBe(false);
  });
});

test('work that does not heed its signal is said to have been cut off, and is left for Lambda to end', async () => {
  let finish = (_: string) => {};
  const handler = (await shell())(
    input,
    () =>
      new Promise<string>((resolve) => {
        finish = resolve;
      }),
  );
  const answer = handler({ name: 'a' }, contextOf(2_010));
  await expect.poll(() => said()).toEqual([expect.stringMatching(/^ERROR the time of the invocation is over/)]);
  finish('done after all');
  await expect(answer).resolves.toBe('done after all');
});

test('the configuration is read and the targets are made once in an environment', async () => {
  const handler = (await shell())(input, async (_, { configuration, tasks }) => [configuration, tasks()] as const);
  const [first, second] = [await handler({ name: 'a' }, contextOf()), await handler({ name: 'b' }, contextOf())];
  expect(second[0]).toBe(first[0]);
  expect(second[1]).toBe(first[1]);
});

test('a configuration that cannot be read fails each invocation in words', async () => {
  vi.stubEnv('SKYMIRROR_CONFIGURATION', '/nowhere/configuration.json');
  const handler = (await shell())(input, async () => 'unreached');
  await expect(handler({ name: 'a' }, contextOf())).rejects.toThrow('/nowhere/configuration.json cannot be used');
  expect(said()).toEqual(['ERROR the invocation failed']);
});

test('a cluster that the function cannot open stays, and says at each request how to mend it', async () => {
  configure(configurationWith({}, { clusters: { main: { kubeconfig: 'config.yaml' } } }));
  const handler = (await shell())(input, async (_, { clusters, signal }) => {
    const [one, other] = await Promise.all([clusters(['main']), clusters(['main'])]);
    expect(one.get('main')).toBe(other.get('main'));
    return one.get('main')?.namespacePhase('external', { signal });
  });
  await expect(handler({ name: 'a' }, contextOf())).rejects.toThrow(
    /^cluster main: a kubeconfig does not work in a function/,
  );
});
