/** What is written while a border works; nothing of it reaches the terminal. */
export interface Captured {
  readonly texts: string[];
  /** Gives the streams back. */
  end(): void;
}

/** Takes over stdout and stderr, through which the functions' logger and `console` write as well. */
export function capture(): Captured {
  const texts: string[] = [];
  const streams = [process.stdout, process.stderr];
  const before = streams.map((stream) => stream.write);
  for (const stream of streams) {
    stream.write = (text: string | Uint8Array) => {
      texts.push(typeof text === 'string' ? text : Buffer.from(text).toString());
      return true;
    };
  }
  return {
    texts,
    end() {
      for (const [index, stream] of streams.entries()) stream.write = before[index] ?? stream.write;
    },
  };
}
