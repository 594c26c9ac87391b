import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirmed } from '../../cli/confirm.ts';

function ask({ interactive = true, signal = new AbortController().signal } = {}) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const question = { facts: 'All of it goes.', text: '12', what: 'remove it' };
  const answer = confirmed(question, { interactive, signal }, input, output);
  return { answer, input, output };
}

test('only exactly what is asked for confirms', async () => {
  for (const [line, expected] of [
    ['12', true],
    [' 12 ', true],
    ['1', false],
    ['y', false],
    ['', false],
  ] as const) {
    const { answer, input } = ask();
    input.write(`${line}\n`);
    expect(await answer).toBe(expected);
  }
});

test('the end of the input is a no', async () => {
  const { answer, input, output } = ask();
  expect(String(output.read())).toBe('All of it goes. Type 12 to remove it: ');
  input.end();
  expect(await answer).toBe(false);
});

test('Ctrl-C ends the question with its reason', async () => {
  const stop = new AbortController();
  const { answer } = ask({ signal: stop.signal });
  stop.abort(new Error('interrupted'));
  await expect(answer).rejects.toThrow('interrupted');
});

test('without a terminal nobody is asked, and the error names the flag', async () => {
  await expect(ask({ interactive: false }).answer).rejects.toThrow('add --yes');
});
