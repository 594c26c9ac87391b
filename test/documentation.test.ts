import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);

test.each(['lib', 'dev', 'scripts', 'bench'])('every exported symbol in %s/ has a doc comment', async (folder) => {
  const names = await readdir(new URL(`${folder}/`, root), { recursive: true });
  const files = names.filter((name) => name.endsWith('.ts'));
  const bare: string[] = [];
  for (const file of files) {
    const lines = (await readFile(new URL(`${folder}/${file}`, root), 'utf8')).split('\n');
    lines.forEach((line, index) => {
      const symbol = /^export (?:async )?(?:function\*?|const|let|interface|class|type) (\w+)/.exec(line)?.[1];
      if (symbol !== undefined && !(lines[index - 1] ?? '').trimEnd().endsWith('*/')) bare.push(`${file}: ${symbol}`);
    });
  }
  expect(files).not.toHaveLength(0);
  expect(bare).toEqual([]);
});
