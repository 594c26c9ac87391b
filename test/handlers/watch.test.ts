import { expect, test } from 'vitest';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { said, metrics, configure } = surroundings();

test('the cluster of a mirror that is paused is left alone, and nobody is told about it', async () => {
  const clusters = { laptop: { kubeconfig: '~/.kube/config' } };
  configure(configurationWith({ paused: true }, { clusters }));
  const { handler } = await import('../../handlers/watch.ts');
  expect(await handler({}, contextOf(120_000))).toEqual({ clustersUnreadable: 0, syncRunsRemoved: 0 });
  expect(said()).toEqual([]);
  expect(metrics()).toEqual({ ClustersUnreadable: 0, OldestCompleteScanPercent: 0 });
});

test('one that cannot be entered is told with what to do', async () => {
  configure(configurationWith({}, { clusters: { laptop: { kubeconfig: '~/.kube/config' } } }));
  const { handler } = await import('../../handlers/watch.ts');
  expect(await handler({}, contextOf(120_000))).toMatchObject({ clustersUnreadable: 1 });
  expect(said()).toContainEqual(
    expect.stringMatching(
      /^WARN cluster laptop cannot be read: cluster laptop: a kubeconfig does not work in a function/,
    ),
  );
});
