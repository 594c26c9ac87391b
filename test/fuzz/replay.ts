/** The command that goes straight to an input that went wrong. */
export function replayCommand(border: string, seed: number, path: string): string {
  return `node test/fuzz/long.ts --border ${JSON.stringify(border)} --seed ${seed} --path ${path}`;
}
