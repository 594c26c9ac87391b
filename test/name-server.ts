import dns from 'node:dns';
import { vi } from 'vitest';

/** Looks names up with these answers in turn: an address, or the code of an error; then with ENOTFOUND. */
export function nameServer(...answers: string[]): typeof dns.lookup {
  const next = (name: string, options: dns.LookupAllOptions, done: (...told: unknown[]) => void) => {
    const answer = answers.shift() ?? 'ENOTFOUND';
    if (!answer.includes('.')) done(Object.assign(new Error(`getaddrinfo ${answer} ${name}`), { code: answer }));
    else if (options.all) done(null, [{ address: answer, family: 4 }]);
    else done(null, answer, 4);
  };
  return next as unknown as typeof dns.lookup;
}

/** The name server of the machine may take its time for names that are not there: those that end so are not, at once. */
export function withoutInvalidNames(): void {
  const { lookup } = dns;
  const notThere = nameServer();
  vi.spyOn(dns, 'lookup').mockImplementation(((...asked: Parameters<typeof lookup>) =>
    (asked[0].endsWith('.invalid') ? notThere : lookup)(...asked)) as typeof lookup);
}
