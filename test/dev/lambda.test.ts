import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { guard, isAlive } from '../../dev/guardian.ts';
import type { LambdaFunction } from '../../dev/lambda-environment.ts';
import { createFunction, type FunctionSettings, type RunningFunction } from '../../dev/lambda-function.ts';
import { until } from '../../dev/until.ts';

const owner = guard();
const work = mkdtempSync(join(tmpdir(), 'skymirror-lambda-'));
owner.folder(work);
const running: RunningFunction[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.kill();
});
afterAll(() => {
  rmSync(work, { recursive: true });
  owner.release();
});

const definition: LambdaFunction = {
  name: 'skymirror-test-worker',
  arn: 'arn:aws:lambda:us-east-1:111122223333:function:skymirror-test-worker',
  folder: fileURLToPath(new URL('testdata/lambda', import.meta.url)),
  handler: 'index.handler',
  timeout: 5,
  memory: 256,
  environment: { SKYMIRROR_STAGE: 'test' },
  region: 'us-east-1',
};

function start(change: Partial<LambdaFunction> = {}, settings: Partial<FunctionSettings> = {}): RunningFunction {
  const credentials = async () => ({ accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' });
  const one = createFunction(
    { ...definition, ...change },
    { owner, work, endpoint: 'http://127.0.0.1:1', credentials, ...settings },
  );
  running.push(one);
  return one;
}

const payloadOf = ({ payload }: { payload: string }) => JSON.parse(payload);

describe('a function', () => {
  test('is cold once and then warm, in the same process', async () => {
    const worker = start();
    const [first, second] = [await worker.invoke({}), await worker.invoke({})];
    expect(payloadOf(first).count).toBe(1);
    expect(payloadOf(second).count).toBe(2);
    expect(first.report).toMatchObject({ end: 'answered', init: expect.any(Number), peak: expect.any(Number) });
    expect(second.report.init).toBeUndefined();
    expect(worker.pids()).toHaveLength(1);
  });

  test('sees the variables of Lambda and its own, and nothing of this machine', async () => {
    process.env.SKYMIRROR_LEAK = 'of this machine';
    const { environment, folder } = payloadOf(await start().invoke({}));
    delete process.env.SKYMIRROR_LEAK;
    expect(Object.keys(environment).toSorted()).toEqual(
      `AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_ENDPOINT_URL AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_MEMORY_SIZE
      AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME
      AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN HOME LAMBDA_RUNTIME_DIR
      LAMBDA_TASK_ROOT LANG PATH SKYMIRROR_STAGE TMPDIR TZ _HANDLER _X_AMZN_TRACE_ID`.split(/\s+/),
    );
    expect(environment).toMatchObject({ SKYMIRROR_STAGE: 'test', AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', TZ: ':UTC' });
    expect(folder).toBe(definition.folder);
  });

  test('is told its request, its name and the time that is left', async () => {
    const invoked = await start({ timeout: 60 }).invoke({});
    const { context, remaining } = payloadOf(invoked);
    expect(context).toMatchObject({
      awsRequestId: invoked.requestId,
      functionName: definition.name,
      invokedFunctionArn: definition.arn,
      memoryLimitInMB: '256',
      logGroupName: '/aws/lambda/skymirror-test-worker',
    });
    expect(remaining).toBeGreaterThan(30_000);
    expect(remaining).toBeLessThanOrEqual(60_000);
  });

  test('leaves its output in the log of the invocation, between the lines of Lambda', async () => {
    const worker = start();
    await worker.invoke({ say: 'first' });
    const { logs, requestId } = await worker.invoke({ say: 'second' });
    expect(logs).toEqual([
      `START RequestId: ${requestId} Version: $LATEST`,
      'second',
      `END RequestId: ${requestId}`,
      expect.stringMatching(
        new RegExp(
          `^REPORT RequestId: ${requestId}\tDuration: [\\d.]+ ms\tBilled Duration: \\d+ ms\tMemory Size: 256 MB\tMax Memory Used: \\d+ MB$`,
        ),
      ),
    ]);
  });

  test('that throws has failed, and stays warm', async () => {
    const worker = start();
    const failed = await worker.invoke({ fail: 'no such target' });
    expect(failed).toMatchObject({ failed: true, report: { end: 'failed' } });
    expect(payloadOf(failed)).toMatchObject({ errorType: 'RangeError', errorMessage: 'no such target' });
    expect(payloadOf(await worker.invoke({})).count).toBe(2);
  });

  test('that answers nothing answers null', async () => {
    expect(await start().invoke({ nothing: true })).toMatchObject({ failed: false, payload: 'null' });
  });

  test('that takes too long is killed, and the next invocation is cold', async () => {
    const worker = start({ timeout: 0.3 });
    const late = await worker.invoke({ hang: true });
    expect(late).toMatchObject({ failed: true, report: { end: 'timeout' } });
    expect(payloadOf(late)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${late.requestId} Error: Task timed out after 0.30 seconds`,
    });
    expect(late.logs.at(-1)).toMatch(/\tStatus: timeout$/);
    expect(worker.pids()).toEqual([]);
    expect(payloadOf(await worker.invoke({})).count).toBe(1);
  });

  test('that uses more memory than it has is killed', async () => {
    const worker = start({ memory: 160 });
    const large = await worker.invoke({ megabytes: 200 });
    expect(large).toMatchObject({ failed: true, report: { end: 'out of memory' } });
    expect(payloadOf(large).errorType).toBe('Runtime.OutOfMemory');
    expect(payloadOf(await worker.invoke({})).count).toBe(1);
  });

  test('that leaves its process has failed', async () => {
    const left = await start().invoke({ exit: 3 });
    expect(left).toMatchObject({ failed: true, report: { end: 'exited' } });
    expect(payloadOf(left).errorType).toBe('Runtime.ExitError');
  });

  test('that answers more than 6 MB has failed', async () => {
    const large = await start().invoke({ answer: 7 * 1024 * 1024 });
    expect(payloadOf(large)).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
  });

  test.each([
    ['broken.handler', { errorType: 'TypeError', errorMessage: 'the configuration cannot be read' }],
    ['missing.handler', { errorType: 'Runtime.ImportModuleError' }],
    ['index.notAFunction', { errorType: 'Runtime.HandlerNotFound' }],
  ])('that cannot be loaded (%s) fails each invocation with the reason', async (handler, reason) => {
    const worker = start({ handler });
    for (const invoked of [await worker.invoke({}), await worker.invoke({})]) {
      expect(invoked.failed).toBe(true);
      expect(payloadOf(invoked)).toMatchObject(reason);
    }
  });

  test('stands still between invocations, and goes on with the next', async () => {
    const worker = start();
    await worker.invoke({});
    const [pid] = worker.pids();
    const state = async () => /^State:\s+(\w)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    await until(async () => (await state()) === 'T', { what: 'the freezing' });
    expect((await worker.invoke({})).failed).toBe(false);
    expect(worker.pids()).toEqual([pid]);
  });

  test('that is killed while it works has failed, and one that is killed while it stands still is replaced', async () => {
    const worker = start();
    const first = worker.invoke({ hang: true });
    await until(() => worker.pids().length === 1, { what: 'the start' });
    await worker.kill();
    expect(await first).toMatchObject({ failed: true, report: { end: 'exited' } });
    await worker.invoke({});
    const [pid = 0] = worker.pids();
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), { what: 'the end of the process' });
    expect(payloadOf(await worker.invoke({})).count).toBe(1);
  });

  test('has as many environments as invocations at once, and no more than it may', async () => {
    const worker = start({}, { concurrency: 2 });
    const counts = await Promise.all([1, 2, 3].map(async () => payloadOf(await worker.invoke({})).count));
    expect(counts.toSorted()).toEqual([1, 1, 2]);
    expect(worker.pids()).toHaveLength(2);
  });
});
