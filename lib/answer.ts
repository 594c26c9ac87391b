import * as z from 'zod';

const named = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });
const nameIn = (body: unknown) => named.safeParse(body).data?.metadata.name;

/**
 * Why the body of a success is no answer to the request with this path and body. Whoever mixes up connections answers
 * with another object, which would be taken for the one that was written, and written to. A list and a Status have no
 * name of their own.
 */
export function issueOf(body: unknown, path: string, sent: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return 'the answer is no JSON object';
  const told = nameIn(body);
  const written = nameIn(sent);
  const isAsked = written === undefined ? told === undefined || namesIn(path).includes(told) : told === written;
  return isAsked ? undefined : `the answer is about ${told ?? 'nothing'}, not about what was asked for`;
}

function namesIn(path: string): string[] {
  const [resource = ''] = path.split('?');
  return resource.split('/').map(decodeURIComponent);
}
