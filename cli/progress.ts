import { clearLine, cursorTo } from 'node:readline';

/** A line on a terminal that says how far the passes are; nothing where nobody watches. */
export interface Progress {
  seen(target: string, count: number): void;
  done(target: string): void;
  /** Clears the line, so that a lasting one can be written. */
  pause(): void;
}

const interval = 100;

/** Progress of so many targets on stderr. */
export function progressOf(total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (stream.isTTY !== true) return { seen: () => {}, done: () => {}, pause: () => {} };
  const counts = new Map<string, number>();
  let finished = 0;
  let drawn = Number.NEGATIVE_INFINITY;

  function clear(): void {
    clearLine(stream, 0);
    cursorTo(stream, 0);
  }

  function draw(target: string): void {
    if (performance.now() - drawn < interval) return;
    drawn = performance.now();
    const seen = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const line = `${finished} of ${total} targets${seen > 0 ? `, ${seen} seen` : ''}: ${target}`;
    clear();
    // A terminal that does not know its width says 0.
    stream.write(line.slice(0, (stream.columns || 80) - 1));
  }

  return {
    seen(target, count) {
      counts.set(target, count);
      draw(target);
    },
    done(target) {
      finished += 1;
      draw(target);
    },
    pause: clear,
  };
}
