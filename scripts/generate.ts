import { mkdir, rm, writeFile } from 'node:fs/promises';
import { generatedFiles } from './generated-files.ts';

const root = new URL('../', import.meta.url);
await rm(new URL('deploy/', root), { recursive: true, force: true });
for (const [path, content] of generatedFiles()) {
  const file = new URL(path, root);
  await mkdir(new URL('.', file), { recursive: true });
  await writeFile(file, content);
  console.log(path);
}
